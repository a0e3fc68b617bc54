"""The Kafka of a replay: one that VPCFLOW_KAFKA names, or a local one, plaintext or secured.

In a secured Kafka each process has a user of its own with its minimal ACLs (`connectors.kafka.clients.acls`),
so an exact replay proves the ACLs, too. `scram` and `oauthbearer` connect by TLS with SASL, `mtls` by TLS
with a client certificate. The tokens of `oauthbearer` expire and are renewed while the replay runs.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from connectors.kafka.clients import acls
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka_settings import KafkaSettings, variables
from connectors.settings import Common
from emulator.kafka.cluster import Node, kafka_node
from emulator.kafka.security.acls import Acl, allow
from emulator.kafka.security.listeners import SecuredListener, Security, unsecured_token

PROCESSES = ("connect", "inventory", "work", "serve", "notify")
REPLAY = "replay"
"""The user of the replay itself, which creates the topics and reads the results."""

TOKEN_S, RENEWED_S = 15.0, 5.0


@dataclass(frozen=True, slots=True)
class ReplayKafka:
    """A Kafka with the settings of each process by its subcommand. `node` is the one that was started."""

    of: Mapping[str, KafkaSettings] = field(repr=False)
    prefix: str
    node: Node | None = None

    @property
    def connection(self) -> KafkaConnection:
        """Return the connection of the replay itself."""
        return KafkaConnection.of(self.of[REPLAY])

    def variables(self, subcommand: str) -> dict[str, str]:
        """Return the environment variables of a process."""
        return variables(self.of.get(subcommand, self.of[REPLAY]))


@asynccontextmanager
async def replay_kafka(folder: Path, kind: str, prefix: str) -> AsyncIterator[ReplayKafka]:
    """Run a Kafka in a folder, unless VPCFLOW_KAFKA names one. Raises `KafkaFailed`.

    The topics in a Kafka that is not ours have a prefix of this replay.
    """
    if os.environ.get("VPCFLOW_KAFKA"):
        yield ReplayKafka({REPLAY: Common()}, f"vpcflow-replay-{secrets.token_hex(4)}.")
        return
    if kind == "plaintext":
        async with kafka_node(folder) as node:
            yield ReplayKafka({REPLAY: KafkaSettings(kafka=node.bootstrap)}, prefix, node)
        return
    users = {name: secrets.token_urlsafe() for name in (*PROCESSES, REPLAY)}
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(kafka_node(folder, security=Security(users, has_acls=True)))
        await allow(node.bootstrap, [acl for user in users for acl in _minimal(user, prefix)])
        if kind == "oauthbearer":
            _write_tokens(folder, users)
            renewing = asyncio.ensure_future(_renew_tokens(folder, users))
            stack.callback(renewing.cancel)
        of = {user: _settings(node, kind, user, password) for user, password in users.items()}
        yield ReplayKafka(of, prefix, node)


def _minimal(user: str, prefix: str) -> list[Acl]:
    """Return the ACLs of a user in the form of the local Kafka."""
    names = ("creation of the topics", "serve") if user == REPLAY else (user,)
    return [broker_acl(user, one) for name in names for one in acls.acls(name, prefix)]


def broker_acl(user: str, acl: acls.Acl) -> Acl:
    """Return an ACL of a user in the form of the local Kafka."""
    operation = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", acl.operation).lower()
    return Acl(user, acl.resource.replace("-", "_"), acl.name, operation, is_prefix=acl.is_prefix)


def _settings(node: Node, kind: str, user: str, password: str) -> KafkaSettings:
    ca = str(node.certificates.authority)
    if kind == "mtls":
        issued = node.certificates.issue(user)
        return KafkaSettings(
            kafka=node.secured(SecuredListener.MTLS),
            kafka_security="ssl",
            kafka_ca=ca,
            kafka_cert=str(issued.certificate),
            kafka_cert_key=str(issued.key),
        )
    login = {"kafka": node.secured(SecuredListener.SASL_SSL), "kafka_security": "sasl_ssl", "kafka_ca": ca}
    if kind == "oauthbearer":
        token = str(_token_file(node.data_dir, user))
        return KafkaSettings.model_validate({**login, "kafka_sasl": "OAUTHBEARER", "kafka_token_file": token})
    secret = {"kafka_sasl": "SCRAM-SHA-512", "kafka_user": user, "kafka_password": password}
    return KafkaSettings.model_validate(login | secret)


def _token_file(folder: Path, user: str) -> Path:
    return folder / f"{user}.token"


def _write_tokens(folder: Path, users: Mapping[str, str]) -> None:
    for user in users:
        new = folder / f"{user}.token.new"
        new.write_text(unsecured_token(user, time.time(), TOKEN_S))
        new.replace(_token_file(folder, user))


async def _renew_tokens(folder: Path, users: Mapping[str, str]) -> None:
    while True:
        await asyncio.sleep(RENEWED_S)
        _write_tokens(folder, users)
