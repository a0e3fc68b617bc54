"""What a port answers to Kafka's first requests, and the sentence for each answer. Pure.

The probe sends ApiVersions, which every listener answers before authentication, and then SaslHandshake, which
a listener without SASL refuses with ILLEGAL_SASL_STATE. A TLS listener closes the connection instead, and
answers a ClientHello. (Kafka protocol guide, "SASL Authentication Sequence" and "Error Codes".)
"""

from __future__ import annotations

import struct
from enum import Enum

CORRELATION_ID = 7
API_VERSIONS, SASL_HANDSHAKE = 18, 17
ANSWER_MAX_BYTES = 1 << 20
_CLIENT = b"vpcflow"
_MECHANISM = b"PLAIN"
_ASKS_FOR_SASL = {0, 33}  # accepted; UNSUPPORTED_SASL_MECHANISM
_TLS_RECORDS = (b"\x16\x03", b"\x15\x03")  # handshake, alert (RFC 8446, 5.1)


class Answer(Enum):
    """What a host and port turned out to be, the most useful to know first."""

    KAFKA = "answers as Kafka"
    TLS = "the broker is reachable but requires TLS: set VPCFLOW_KAFKA_SECURITY"
    SASL = "the broker is reachable but requires SASL authentication: set VPCFLOW_KAFKA_SECURITY"
    NOT_KAFKA = "the port is open, but what answers is not Kafka"
    SILENT = "nothing answers in time, maybe because of a firewall"
    CLOSED = "the port is closed"
    UNRESOLVED = "the host name cannot be resolved"


_REMEDIES = {
    Answer.TLS: " (this version has no such setting yet: use a listener without TLS)",
    Answer.SASL: " (this version has no such setting yet: use a listener without authentication)",
}
_REMEDY = ": start one, or set VPCFLOW_KAFKA to its host:port"


def api_versions() -> bytes:
    """Return an ApiVersions request, version 0."""
    return _request(API_VERSIONS, 0, b"")


def sasl_handshake() -> bytes:
    """Return a SaslHandshake request, version 1."""
    return _request(SASL_HANDSHAKE, 1, struct.pack(">h", len(_MECHANISM)) + _MECHANISM)


def _request(key: int, version: int, body: bytes) -> bytes:
    head = struct.pack(">hhih", key, version, CORRELATION_ID, len(_CLIENT)) + _CLIENT
    return struct.pack(">i", len(head) + len(body)) + head + body


def answer_bytes(size: bytes) -> int:
    """Return how many bytes of an answer follow its size; 0 if this is not the size of an answer."""
    (count,) = struct.unpack(">i", size)
    return count if 6 <= count <= ANSWER_MAX_BYTES else 0


def error_code(answer: bytes) -> int | None:
    """Return the error code of an answer; None if it answers another request."""
    correlation_id, code = struct.unpack(">ih", answer[:6])
    return int(code) if correlation_id == CORRELATION_ID else None


def asks_for_sasl(code: int | None) -> bool:
    """Say whether a listener wants SASL, by the error code of its SaslHandshake answer."""
    return code in _ASKS_FOR_SASL


def is_tls(answer: bytes) -> bool:
    """Say whether the first bytes that answer a ClientHello are a TLS record."""
    return answer[:2] in _TLS_RECORDS


def sentence(kafka: str, answers: dict[str, Answer]) -> str | None:
    """Return why no server of `kafka` can be used, or None if one can. `answers` are by host:port."""
    order = list(Answer)
    server, best = min(answers.items(), key=lambda item: order.index(item[1]))
    if best is Answer.KAFKA:
        return None
    if best in _REMEDIES:
        return f"{server}: {best.value}{_REMEDIES[best]}"
    where = "" if server == kafka else f"{server}: "
    return f"no Kafka answers at {kafka}: {where}{best.value}{_REMEDY}"


def advertised_sentence(kafka: str, answers: dict[str, Answer]) -> str | None:
    """Return why no broker can be used under the address that it advertises, or None if one can."""
    if not answers or Answer.KAFKA in answers.values():
        return None
    server, answer = next(iter(answers.items()))
    return (
        f"Kafka answers at {kafka}, but tells clients to use {server}, where {_where(answer)}:"
        " set advertised.listeners of the broker to an address that this machine reaches"
    )


def _where(answer: Answer) -> str:
    return answer.value.partition(": set")[0]
