"""Clients on a real Kafka with TLS, SASL and ACLs: every kind connects, and every refusal is explained."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from connectors.kafka.clients.access import missing_acls
from connectors.kafka.clients.acls import GROUP, READ, TOPIC, Acl, acls
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import MissingAcl
from connectors.kafka.reachability import why_unreachable
from connectors.kafka.topics import ensure_topics
from connectors.kafka_settings import KafkaSettings, variables
from connectors.settings import Common
from emulator.kafka.cluster import kafka_node
from emulator.kafka.node import Node
from emulator.kafka.security.acls import allow, forbid
from emulator.kafka.security.listeners import SecuredListener, Security, unsecured_token
from streams.replay.secured import broker_acl
from tests.beside import beside
from tests.connectors.kafka.clients.lives import LIVES, check
from tests.connectors.kafka.clients.secured import KINDS, PASSWORD, settings
from tests.streams.alerts.test_notify import FIRING

pytestmark = pytest.mark.kafka

USER = "alice"
LIFE_S = 30.0


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A Kafka with a listener of each kind, and ACLs. Each life has a user of its name."""
    security = Security(dict.fromkeys((USER, *LIVES), PASSWORD), has_acls=True)
    with beside(kafka_node(security=security)) as one:
        yield one


def allowed(life: str) -> list[Acl]:
    """Return the minimal ACLs of a life, for topics with a prefix of its own."""
    return list(acls(process(life), f"{life}."))


def process(life: str) -> str:
    """Return the process whose ACLs a life needs."""
    return "work" if life == "hops" else life


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
    at = {listener: node.secured(listener) for listener in SecuredListener}
    tls, sasl = {"kafka_security": "ssl"}, {"kafka_security": "sasl_ssl"}
    bare = {"kafka_security": "sasl_plaintext"}
    cases: list[tuple[str, dict[str, Any], str]] = [
        (at[SecuredListener.SASL_SSL], {}, "requires TLS: set VPCFLOW_KAFKA_SECURITY=ssl, or sasl_ssl if"),
        (at[SecuredListener.SASL_SSL], bare | scram, "requires TLS: set VPCFLOW_KAFKA_SECURITY=sasl_ssl"),
        (node.bootstrap, tls | ca, "no TLS: set VPCFLOW_KAFKA_SECURITY=plaintext"),
        (
            at[SecuredListener.SASL_PLAINTEXT],
            sasl | ca | scram,
            "no TLS: set VPCFLOW_KAFKA_SECURITY=sasl_plaintext",
        ),
        (
            at[SecuredListener.SASL_PLAINTEXT],
            {},
            "authentication: set VPCFLOW_KAFKA_SECURITY=sasl_plaintext and VPCFLOW_KAFKA_SASL to"
            " OAUTHBEARER or PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512",
        ),
        (
            at[SecuredListener.SASL_SSL],
            tls | ca,
            "set VPCFLOW_KAFKA_SECURITY=sasl_ssl and VPCFLOW_KAFKA_SASL to",
        ),
        (
            at[SecuredListener.SSL],
            sasl | ca | scram,
            "no SASL authentication: set VPCFLOW_KAFKA_SECURITY=ssl",
        ),
        (at[SecuredListener.SSL], tls, "is not signed by a CA of this system: set VPCFLOW_KAFKA_CA"),
        (at[SecuredListener.SSL], tls | {"kafka_ca": str(other_ca)}, f"a CA of VPCFLOW_KAFKA_CA={other_ca}"),
        (
            at[SecuredListener.SSL].replace("127.0.0.1", "127.1"),
            tls | ca,
            "is for another host name: set VPCFLOW_K",
        ),
        (at[SecuredListener.MTLS], tls | ca, "requires a client certificate: set VPCFLOW_KAFKA_CERT and"),
        (
            at[SecuredListener.MTLS],
            tls | ca | {"kafka_cert": str(tmp_path / "stranger.pem")},
            "refuses the client certificate VPCFLOW_KAFKA_CERT=",
        ),
        (
            at[SecuredListener.SASL_SSL],
            sasl | ca | wrong,
            f"refuses SCRAM-SHA-512 authentication of user {USER} (",
        ),
        (
            at[SecuredListener.SASL_SSL],
            sasl | ca | wrong | {"kafka_sasl": "PLAIN"},
            "refuses PLAIN authentic",
        ),
        (
            at[SecuredListener.SASL_SSL],
            sasl | ca | {"kafka_sasl": "OAUTHBEARER", "kafka_token_file": str(expired)},
            "refuses OAUTHBEARER authentication (",
        ),
    ]
    for servers, given, expected in cases:
        connection = KafkaConnection.of(KafkaSettings(kafka=servers, **given))
        why = await why_unreachable(connection)
        assert why is not None, expected
        assert expected in why
        assert "wr0ng" not in why


def needed(life: str) -> list[Acl]:
    """Return the ACLs that a life uses: a worker's reads need it whole, all else its hops."""
    reads = [acl for acl in allowed(life) if acl.resource == GROUP or is_read(acl)]
    if life == "work":
        return reads
    return [acl for acl in allowed(life) if life != "hops" or acl not in reads]


def is_read(acl: Acl) -> bool:
    """Say whether a worker's consumer, not a slot, needs an ACL."""
    return acl.operation == READ and acl.resource == TOPIC and not acl.name.endswith("-state")


@pytest.mark.load
async def test_each_missing_acl_is_named(node: Node, tmp_path: Path) -> None:
    """With the minimal ACLs every process lives; without any of them it ends by an error that names it.

    `vpcflow check` finds it, too.
    """
    clients = {}
    for life in LIVES:
        secured = settings(node, "scram-512", life, tmp_path)
        clients[life] = Common(prefix=f"{life}.", slots=1, **secured.model_dump())
        with pytest.raises(MissingAcl, match=f"Describe on topic {life}.aggregates, {life}.alerts, "):
            await check(clients[life])
        await allow(node.bootstrap, [broker_acl(life, acl) for acl in allowed(life)])
        with pytest.raises(MissingAcl, match=f"Create on topic {life}.aggregates, {life}.alerts, "):
            await check(clients[life])
        with pytest.raises(MissingAcl, match=f"Create on topic {life}.aggregates, {life}.alerts, "):
            await ensure_topics(KafkaConnection.of(clients[life]), f"{life}.", 1)
        await ensure_topics(KafkaConnection(node.bootstrap), f"{life}.", 1)
    await fill(node.bootstrap)
    found = await asyncio.gather(*(unnamed(node, life, client) for life, client in clients.items()))
    assert not [one for each in found for one in each]


async def unnamed(node: Node, life: str, client: Common) -> list[str]:
    """Return the ACLs of a life that are not named when they are missing, and what happens instead."""
    connection = KafkaConnection.of(client)
    assert await ends(LIVES[life](client)) is None, life
    assert not await missing_acls(connection, process(life), client.prefix)
    wrong = []
    for acl in needed(life):
        async with without(node, life, acl):
            ended = await ends(LIVES[life](client))
            found = await missing_acls(connection, process(life), client.prefix)
        if not isinstance(ended, MissingAcl) or not all(is_named(one, acl) for one in ended.missing):
            wrong.append(f"{life} without {acl}: {ended!r}")
        if found != ([] if acl.resource == TOPIC and acl.is_prefix else [acl]):
            wrong.append(f"check {life} without {acl}: {found}")
    return wrong


async def ends(life: Awaitable[None]) -> BaseException | None:
    """Return the error that ends a life; None if it ends well."""
    (ended,) = await asyncio.gather(asyncio.wait_for(life, LIFE_S), return_exceptions=True)
    return ended


def is_named(found: Acl, missing: Acl) -> bool:
    """Say whether an error names an ACL, or of an ACL for many names one."""
    if (found.operation, found.resource) != (missing.operation, missing.resource):
        return False
    return found.name.startswith(missing.name) if missing.is_prefix else found.name == missing.name


@asynccontextmanager
async def without(node: Node, user: str, acl: Acl) -> AsyncIterator[None]:
    """Take an ACL from a user for a while."""
    await forbid(node.bootstrap, [broker_acl(user, acl)])
    try:
        yield
    finally:
        await allow(node.bootstrap, [broker_acl(user, acl)])


async def fill(kafka: str) -> None:
    """Write a message to each topic of the page, and an alert that fires to the notifier's."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for acl in allowed("serve"):
            if acl.operation == READ:
                await producer.send_and_wait(acl.name, b"{}", key=b"key", partition=0)
        await producer.send_and_wait("notify.alerts", FIRING.encode(), key=b"alert", partition=0)


@pytest.mark.process
@pytest.mark.parametrize("command", ["notify", "check"])
async def test_a_process_says_what_is_missing_and_no_secret(node: Node, command: str, tmp_path: Path) -> None:
    ours = variables(settings(node, "scram-256", USER, tmp_path))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streams.cli", command),
        env={name: value for name, value in os.environ.items() if not name.startswith("VPCFLOW_")} | ours,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), LIFE_S)
    text = out.decode()
    assert process.returncode == 1, text
    assert "Kafka does not allow Describe on topic vpcflow.aggregates, vpcflow.alerts, " in text
    assert f"--allow-principal User:{USER} --operation Describe --topic 'vpcflow.aggregates' --topic" in text
    assert "Traceback" not in text
    assert PASSWORD not in text
