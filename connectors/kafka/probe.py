"""The first requests of a Kafka client, and the sentence for each answer of a port. Pure.

The probe sends ApiVersions, which every listener answers before authentication, and then SaslHandshake, which
a listener without SASL refuses with ILLEGAL_SASL_STATE. A TLS listener closes a connection without TLS, and
answers a ClientHello. (Kafka protocol guide, "SASL Authentication Sequence" and "Error Codes".)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka_settings import AWS_MSK_IAM, OAUTHBEARER

CORRELATION_ID = 7
API_VERSIONS, SASL_HANDSHAKE = 18, 17
ANSWER_MAX_BYTES = 1 << 20
ANY_MECHANISM = "PLAIN"
_CLIENT = b"vpcflow"
_ACCEPTED, _UNSUPPORTED = 0, 33  # UNSUPPORTED_SASL_MECHANISM
_TLS_RECORDS = (b"\x16\x03", b"\x15\x03")  # handshake, alert (RFC 8446, 5.1)

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH; those for an unknown issuer, from
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT on (OpenSSL, x509_vfy.h).
_OTHER_NAMES = {62, 64}
_UNKNOWN_CA = {2, 18, 19, 20, 21}


class ProbeAnswer(Enum):
    """The kinds of answers of a port with their sentences, the most useful one first."""

    KAFKA = "answers as Kafka"
    UNTRUSTED = (
        "the certificate of the broker is not signed by {cas}: set VPCFLOW_KAFKA_CA to a PEM file with the CA"
    )
    OTHER_NAME = (
        "the certificate of the broker is for another host name: set VPCFLOW_KAFKA, and advertised.listeners"
        " of the broker, to a name in the certificate"
    )
    BAD_CERTIFICATE = "the certificate of the broker cannot be used ({detail}): renew it"
    NO_CERTIFICATE = (
        "the broker requires a client certificate: set VPCFLOW_KAFKA_CERT and VPCFLOW_KAFKA_CERT_KEY"
    )
    CERTIFICATE_REFUSED = (
        "the broker refuses the client certificate VPCFLOW_KAFKA_CERT={cert}: use one that is signed by a CA"
        " of the broker's truststore and has not expired"
    )
    HANDSHAKE = "the TLS handshake with the broker fails ({detail}): it must offer TLS 1.2 or 1.3"
    TLS = "the broker is reachable but requires TLS: set VPCFLOW_KAFKA_SECURITY={tls}"
    PLAINTEXT = (
        "the broker is reachable but its listener has no TLS: set VPCFLOW_KAFKA_SECURITY={plaintext}, or"
        " VPCFLOW_KAFKA to the port of a TLS listener"
    )
    SASL = (
        "the broker is reachable but requires SASL authentication: set VPCFLOW_KAFKA_SECURITY={sasl} and"
        " VPCFLOW_KAFKA_SASL{detail}"
    )
    NO_SASL = (
        "the broker is reachable but its listener has no SASL authentication: set"
        " VPCFLOW_KAFKA_SECURITY={no_sasl}, or VPCFLOW_KAFKA to the port of a SASL listener"
    )
    MECHANISM = "the broker does not accept VPCFLOW_KAFKA_SASL={mechanism}: set it{detail}"
    NOT_KAFKA = "the port is open, but what answers is not Kafka"
    SILENT = "nothing answers in time, maybe because of a firewall"
    CLOSED = "the port is closed"
    UNRESOLVED = "the host name cannot be resolved"


_ABSENT = {ProbeAnswer.NOT_KAFKA, ProbeAnswer.SILENT, ProbeAnswer.CLOSED, ProbeAnswer.UNRESOLVED}
_REMEDY = ": start one, or set VPCFLOW_KAFKA to its host:port"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The answer of a port. `detail` completes the sentence of some answers."""

    answer: ProbeAnswer
    detail: str = ""


def api_versions() -> bytes:
    """Return an ApiVersions request, version 0."""
    return _request(API_VERSIONS, 0, b"")


def sasl_handshake(mechanism: str) -> bytes:
    """Return a SaslHandshake request, version 1."""
    name = mechanism.encode()
    return _request(SASL_HANDSHAKE, 1, struct.pack(">h", len(name)) + name)


def _request(key: int, version: int, body: bytes) -> bytes:
    head = struct.pack(">hhih", key, version, CORRELATION_ID, len(_CLIENT)) + _CLIENT
    return struct.pack(">i", len(head) + len(body)) + head + body


def answer_bytes(size: bytes) -> int:
    """Return the number of bytes that follow the size of an answer; 0 if it is not the size of an answer."""
    (count,) = struct.unpack(">i", size)
    return count if 6 <= count <= ANSWER_MAX_BYTES else 0


def error_code(answer: bytes) -> int | None:
    """Return the error code of an answer; None if it answers another request."""
    correlation_id, code = struct.unpack(">ih", answer[:6])
    return int(code) if correlation_id == CORRELATION_ID else None


def mechanisms(answer: bytes) -> list[str]:
    """Return the mechanisms in an answer to SaslHandshake, sorted; none if it cannot be read."""
    try:
        (count,) = struct.unpack_from(">i", answer, 6)
        names, at = [], 10
        for _ in range(min(count, 64)):
            (size,) = struct.unpack_from(">h", answer, at)
            names.append(answer[at + 2 : at + 2 + max(size, 0)].decode("ascii"))
            at += 2 + max(size, 0)
    except (struct.error, UnicodeDecodeError):
        return []
    return sorted(names)


def handshake_mechanism(connection: KafkaConnection) -> str:
    """Return the mechanism to ask a listener for."""
    if connection.login is None:
        return ANY_MECHANISM
    return OAUTHBEARER if connection.login.mechanism == AWS_MSK_IAM else connection.login.mechanism


def handshake_answer(connection: KafkaConnection, answer: bytes | None) -> ProbeResult:
    """Interpret the answer to a SaslHandshake; None if the listener closed the connection."""
    code = error_code(answer) if answer is not None else None
    offered = mechanisms(answer) if answer is not None else []
    if connection.login is None:
        if code not in {_ACCEPTED, _UNSUPPORTED}:
            return ProbeResult(ProbeAnswer.KAFKA)
        return ProbeResult(ProbeAnswer.SASL, f" to {_one_of(offered)}" if offered else "")
    if code == _UNSUPPORTED:
        return ProbeResult(
            ProbeAnswer.MECHANISM, f" to {_one_of(offered)}" if offered else " to another mechanism"
        )
    return ProbeResult(ProbeAnswer.KAFKA if code == _ACCEPTED else ProbeAnswer.NO_SASL)


def _one_of(names: list[str]) -> str:
    return " or ".join(names)


def certificate_answer(code: int, why: str) -> ProbeResult:
    """Interpret OpenSSL's reason for refusing the broker's certificate."""
    if code in _OTHER_NAMES:
        return ProbeResult(ProbeAnswer.OTHER_NAME)
    return (
        ProbeResult(ProbeAnswer.UNTRUSTED)
        if code in _UNKNOWN_CA
        else ProbeResult(ProbeAnswer.BAD_CERTIFICATE, why)
    )


def alert_answer(connection: KafkaConnection, reason: str) -> ProbeResult | None:
    """Interpret the broker's TLS alert, as OpenSSL names it; None if it is not about our certificate."""
    if "CERTIFICATE" not in reason and "UNKNOWN_CA" not in reason:
        return None
    return ProbeResult(ProbeAnswer.CERTIFICATE_REFUSED if connection.tls.cert else ProbeAnswer.NO_CERTIFICATE)


def is_tls(answer: bytes) -> bool:
    """Return whether the first bytes that answer a ClientHello are a TLS record."""
    return answer[:2] in _TLS_RECORDS


def sentence(connection: KafkaConnection, found: Mapping[str, ProbeResult]) -> str | None:
    """Return why no bootstrap server can be used, or None if one can. `found` is by host:port."""
    order = list(ProbeAnswer)
    server, best = min(found.items(), key=lambda item: order.index(item[1].answer))
    if best.answer is ProbeAnswer.KAFKA:
        return None
    text = _text(connection, best)
    if best.answer not in _ABSENT:
        return f"{server}: {text}"
    where = "" if server == connection.servers else f"{server}: "
    return f"no Kafka answers at {connection.servers}: {where}{text}{_REMEDY}"


def _text(connection: KafkaConnection, found: ProbeResult) -> str:
    has_sasl = connection.login is not None
    return found.answer.value.format(
        detail=found.detail,
        cas=f"a CA of VPCFLOW_KAFKA_CA={connection.tls.ca}" if connection.tls.ca else "a CA of this system",
        cert=connection.tls.cert,
        tls="sasl_ssl" if has_sasl else "ssl, or sasl_ssl if it authenticates by SASL",
        plaintext="sasl_plaintext" if has_sasl else "plaintext",
        sasl="sasl_ssl" if connection.has_tls else "sasl_plaintext",
        no_sasl="ssl" if connection.has_tls else "plaintext",
        mechanism=connection.login.mechanism if connection.login else "",
    )


def advertised_sentence(connection: KafkaConnection, found: Mapping[str, ProbeResult]) -> str | None:
    """Return why no broker can be used under the address that it advertises, or None if one can."""
    if not found or any(one.answer is ProbeAnswer.KAFKA for one in found.values()):
        return None
    server, one = next(iter(found.items()))
    return (
        f"Kafka answers at {connection.servers}, but tells clients to use {server}, where"
        f" {_text(connection, one).partition(': set')[0]}:"
        " set advertised.listeners of the broker to an address that this machine reaches"
    )


def refused_sentence(connection: KafkaConnection, server: str, why: str) -> str:
    """Return the sentence for a refused authentication. `why` is Kafka's own message."""
    login = connection.login
    if login is None:
        return f"{server}: Kafka closes the connection ({why})"
    told = f"{server}: Kafka refuses {login.mechanism} authentication"
    if login.mechanism == AWS_MSK_IAM:
        return f"{told} ({why}): allow kafka-cluster:Connect on the cluster in the IAM policy"
    if login.mechanism == OAUTHBEARER:
        origin = "VPCFLOW_KAFKA_TOKEN_FILE" if login.token_file else "VPCFLOW_KAFKA_TOKEN_URL"
        return f"{told} ({why}): the token of {origin} has expired, or is not for this cluster"
    return f"{told} of user {login.user} ({why}): check VPCFLOW_KAFKA_USER and VPCFLOW_KAFKA_PASSWORD"
