"""Clients on a real Kafka with TLS, SASL and ACLs: every kind connects, and every refusal is explained."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.reachability import why_unreachable
from connectors.kafka_settings import KafkaSettings
from emulator.kafka.cluster import kafka_node
from emulator.kafka.node import Node
from emulator.kafka.security.listeners import Listener, Security, unsecured_token
from tests.beside import beside
from tests.connectors.kafka.clients.secured import KINDS, PASSWORD, settings

pytestmark = pytest.mark.kafka

USER = "alice"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A Kafka with a listener of each kind, and ACLs."""
    with beside(kafka_node(security=Security({USER: PASSWORD}, has_acls=True))) as one:
        yield one


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_client_connects(node: Node, kind: str, tmp_path: Path) -> None:
    assert await why_unreachable(KafkaConnection.of(settings(node, kind, USER, tmp_path))) is None


async def test_a_wrong_connection_is_explained(node: Node, tmp_path: Path) -> None:
    other_ca = tmp_path / "other.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(other_ca))
    stranger = authority.issue_cert("stranger.invalid")
    stranger.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "stranger.pem"))
    expired = tmp_path / "expired.token"
    expired.write_text(unsecured_token(USER, time.time() - 7200, 3600))
    ca = {"kafka_ca": str(node.certificates.authority)}
    scram = {"kafka_sasl": "SCRAM-SHA-512", "kafka_user": USER, "kafka_password": SecretStr(PASSWORD)}
    wrong = scram | {"kafka_password": SecretStr("wr0ng-secret")}
    at = {listener: node.secured(listener) for listener in Listener}
    tls, sasl = {"kafka_security": "ssl"}, {"kafka_security": "sasl_ssl"}
    bare = {"kafka_security": "sasl_plaintext"}
    cases: list[tuple[str, dict[str, Any], str]] = [
        (at[Listener.SASL_SSL], {}, "requires TLS: set VPCFLOW_KAFKA_SECURITY=ssl, or sasl_ssl if"),
        (at[Listener.SASL_SSL], bare | scram, "requires TLS: set VPCFLOW_KAFKA_SECURITY=sasl_ssl"),
        (node.bootstrap, tls | ca, "no TLS: set VPCFLOW_KAFKA_SECURITY=plaintext"),
        (at[Listener.SASL_PLAINTEXT], sasl | ca | scram, "no TLS: set VPCFLOW_KAFKA_SECURITY=sasl_plaintext"),
        (
            at[Listener.SASL_PLAINTEXT],
            {},
            "authentication: set VPCFLOW_KAFKA_SECURITY=sasl_plaintext and VPCFLOW_KAFKA_SASL to"
            " OAUTHBEARER or PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512",
        ),
        (at[Listener.SASL_SSL], tls | ca, "set VPCFLOW_KAFKA_SECURITY=sasl_ssl and VPCFLOW_KAFKA_SASL to"),
        (at[Listener.SSL], sasl | ca | scram, "no SASL authentication: set VPCFLOW_KAFKA_SECURITY=ssl"),
        (at[Listener.SSL], tls, "is not signed by a CA of this system: set VPCFLOW_KAFKA_CA"),
        (at[Listener.SSL], tls | {"kafka_ca": str(other_ca)}, f"a CA of VPCFLOW_KAFKA_CA={other_ca}"),
        (at[Listener.SSL].replace("127.0.0.1", "127.1"), tls | ca, "is for another host name: set VPCFLOW_K"),
        (at[Listener.MTLS], tls | ca, "requires a client certificate: set VPCFLOW_KAFKA_CERT and"),
        (
            at[Listener.MTLS],
            tls | ca | {"kafka_cert": str(tmp_path / "stranger.pem")},
            "refuses the client certificate VPCFLOW_KAFKA_CERT=",
        ),
        (at[Listener.SASL_SSL], sasl | ca | wrong, f"refuses SCRAM-SHA-512 authentication of user {USER} ("),
        (
            at[Listener.SASL_SSL],
            sasl | ca | wrong | {"kafka_sasl": "PLAIN"},
            "refuses PLAIN authentic",
        ),
        (
            at[Listener.SASL_SSL],
            sasl | ca | {"kafka_sasl": "OAUTHBEARER", "kafka_token_file": str(expired)},
            "refuses OAUTHBEARER authentication (",
        ),
    ]
    for servers, given, expected in cases:
        connection = KafkaConnection.of(KafkaSettings(kafka=servers, **given))
        why = await why_unreachable(connection)
        print(why)
        assert why is not None, expected
        assert expected in why
        assert "wr0ng" not in why
