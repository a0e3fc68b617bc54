"""A local Kafka accepts each kind of client on its secured listeners, and applies ACLs."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from emulator.kafka.cluster import kafka_node
from emulator.kafka.node import Node
from emulator.kafka.security.acls import Acl, allow, forbid
from emulator.kafka.security.certificates import Certificates
from emulator.kafka.security.listeners import (
    BadSecurity,
    SecuredListener,
    Security,
    scram_credentials,
    security_properties,
    unsecured_token,
)

TOPIC = "flows.blocks"
USER, PASSWORD = "alice", 'se"c\\ret'
ACLS = [Acl(USER, "topic", "flows.", operation, is_prefix=True) for operation in ("write", "describe")]
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


class _Token(AbstractTokenProvider):  # type: ignore[misc]
    async def token(self) -> str:
        return unsecured_token(USER, time.time())


def _context(certificates: Certificates, client: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    if client:
        issued = certificates.issue(client)
        context.load_cert_chain(issued.certificate, issued.key)
    return context


def _password(mechanism: str, password: str = PASSWORD) -> dict[str, Any]:
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": USER,
        "sasl_plain_password": password,
    }


def _clients(node: Node) -> dict[str, dict[str, Any]]:
    """Return the settings of clients that have the user's name, by kind."""
    tls = {"security_protocol": "SASL_SSL", "ssl_context": _context(node.certificates)}
    tls["bootstrap_servers"] = node.secured(SecuredListener.SASL_SSL)
    bare = {"security_protocol": "SASL_PLAINTEXT"}
    bare["bootstrap_servers"] = node.secured(SecuredListener.SASL_PLAINTEXT)
    oauth = {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _Token()}
    certificate = {
        "bootstrap_servers": node.secured(SecuredListener.MTLS),
        "security_protocol": "SSL",
        "ssl_context": _context(node.certificates, USER),
    }
    return {
        "certificate": certificate,
        "token": tls | oauth,
        "token without TLS": bare | oauth,
        "password": tls | _password("PLAIN"),
        **{mechanism: tls | _password(mechanism) for mechanism in SCRAM},
        **{f"{mechanism} without TLS": bare | _password(mechanism) for mechanism in SCRAM},
    }


@asynccontextmanager
async def _producer(settings: dict[str, Any]) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(request_timeout_ms=5000, **settings)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def _send(settings: dict[str, Any]) -> None:
    async with _producer(settings) as producer:
        await producer.send_and_wait(TOPIC, b"1")


async def _forbidden(settings: dict[str, Any]) -> bool:
    try:
        await _send(settings)
    except TopicAuthorizationFailedError:
        return True
    return False


@pytest.mark.kafka
async def test_every_kind_of_client_is_accepted_and_may_do_what_its_acls_allow() -> None:
    """One Kafka, all listeners: no ACL, then ACLs, then one fewer; and wrong credentials."""
    async with kafka_node(security=Security({USER: PASSWORD}, has_acls=True)) as node:
        admin = AIOKafkaAdminClient(bootstrap_servers=node.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        await admin.close()
        clients = _clients(node)

        assert all(await asyncio.gather(*map(_forbidden, clients.values())))
        await allow(node.bootstrap, ACLS)
        await asyncio.gather(*map(_send, clients.values()))
        await forbid(node.bootstrap, ACLS[:1])
        assert all(await asyncio.gather(*map(_forbidden, clients.values())))

        for mechanism in ("PLAIN", *SCRAM):
            with pytest.raises(KafkaConnectionError):
                await _send(clients["password"] | _password(mechanism, "wrong"))
        with pytest.raises(KafkaConnectionError):  # No client certificate.
            await _send(clients["certificate"] | {"ssl_context": _context(node.certificates)})
        assert PASSWORD not in node.last_words()


def test_only_the_owner_reads_keys_and_a_folder_keeps_its_authority(tmp_path: Path) -> None:
    """A client that trusts the authority trusts the same folder later; keys are PKCS #8."""
    certificates = Certificates(tmp_path / "certificates")
    certificates.make()
    authority = certificates.authority.read_bytes()
    issued = certificates.issue("alice")
    Certificates(certificates.folder).make()
    assert certificates.authority.read_bytes() == authority
    assert certificates.issue("alice") == issued
    for private in (certificates.server, issued.key, certificates.folder / "ca.key"):
        assert private.stat().st_mode & 0o077 == 0
    assert issued.key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a;", "ä", "x" * 65])
def test_a_name_that_kafka_would_read_differently_is_refused(name: str) -> None:
    with pytest.raises(BadSecurity, match=re.escape(repr(name))):
        Security({name: "secret"})


@pytest.mark.parametrize("password", ["", "top secret", "geheimnis-ä", "x\n"])
def test_a_refused_password_is_not_in_the_message(password: str) -> None:
    with pytest.raises(BadSecurity, match="password of user alice is refused") as refused:
        Security({"alice": password})
    assert not password or password not in str(refused.value)


def test_passwords_are_in_no_representation_and_no_command_line() -> None:
    """SCRAM credentials are salted; `repr` leaves the users out."""
    security = Security({USER: "a-secret"})
    assert "a-secret" not in repr(security)
    assert "a-secret" not in str(scram_credentials(security.users, b"salt"))


def test_the_settings_are_of_the_chosen_listeners_only() -> None:
    """No ACLs and no TLS unless they are wanted."""
    security = Security({USER: PASSWORD}, listeners=(SecuredListener.SASL_PLAINTEXT,))
    settings = security_properties(security, Path("ca"), Path("server"))
    assert {name.split(".")[2] for name in settings} == {"sasl_plaintext"}
    plain = settings["listener.name.sasl_plaintext.plain.sasl.jaas.config"]
    assert str(plain).endswith(' required user_alice="se\\"c\\\\ret";')
