"""The Kafka operations that each process needs, as ACLs, and the command that adds one. Pure.

The table is minimal: without any one of its entries, a process stops with an error that names it. Read and
Write include Describe, as in Kafka's authorizer (Kafka documentation, "Authorization and ACLs").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

TOPIC, GROUP, TRANSACTIONAL_ID = "topic", "group", "transactional-id"
READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS = "Read", "Write", "Create", "Describe", "DescribeConfigs"


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """An allowed operation on a resource. In the table, `name` is without the prefix of the topics.

    With `is_prefix`, the name stands for all names that begin with it.
    """

    operation: str
    resource: str
    name: str
    is_prefix: bool = False

    def __str__(self) -> str:
        """Return the ACL for people, such as `Read on topic vpcflow.blocks`."""
        return f"{self.operation} on {self.resource} {self.pattern}"

    @property
    def pattern(self) -> str:
        """Return the name, with `*` for what may follow."""
        return f"{self.name}*" if self.is_prefix else self.name


def _each(operation: str, resource: str, names: str) -> tuple[Acl, ...]:
    return tuple(
        Acl(operation, resource, name.removesuffix("*"), name.endswith("*")) for name in names.split()
    )


# Every process checks all topics when it starts.
_START = (*_each(DESCRIBE, TOPIC, "*"), *_each(DESCRIBE_CONFIGS, TOPIC, "*"))

PROCESSES: Mapping[str, tuple[Acl, ...]] = {
    "creation of the topics": _each(CREATE, TOPIC, "*"),
    "check": _START,
    "connect": (
        *_START,
        *_each(READ, GROUP, "connect"),
        *_each(WRITE, TRANSACTIONAL_ID, "connect-*"),
        *_each(READ, TOPIC, "positions"),
        *_each(WRITE, TOPIC, "positions blocks dead health"),
    ),
    "inventory": (
        *_START,
        *_each(WRITE, TRANSACTIONAL_ID, "inventory-*"),
        *_each(READ, TOPIC, "inventory"),
        *_each(WRITE, TOPIC, "inventory"),
    ),
    "work": (
        *_START,
        *_each(READ, GROUP, "work"),
        *_each(WRITE, TRANSACTIONAL_ID, "sum-* merge-* detect-*"),
        *_each(READ, TOPIC, "blocks partials finals sum-state merge-state detect-state"),
        *_each(WRITE, TOPIC, "partials finals sum-state merge-state detect-state"),
        *_each(WRITE, TOPIC, "aggregates conversations alerts dead"),
    ),
    "serve": (
        *_START,
        *_each(READ, TOPIC, "aggregates conversations alerts dead health positions inventory"),
    ),
    "archive": (
        *_START,
        *_each(READ, GROUP, "archive"),
        *_each(WRITE, TRANSACTIONAL_ID, "archive-*"),
        *_each(READ, TOPIC, "finals archive-state inventory"),
        *_each(WRITE, TOPIC, "archive-state"),
    ),
    "notify": (*_START, *_each(READ, GROUP, "notify-*"), *_each(READ, TOPIC, "alerts")),
}
"""The ACLs by process, names without the prefix.

The process that starts first creates the topics; it also needs the ACLs of `creation of the topics`.
"""


def acls(process: str, prefix: str) -> tuple[Acl, ...]:
    """Return the ACLs of a process for topics with a prefix."""
    return tuple(replace(acl, name=prefix + acl.name) for acl in PROCESSES[process])


def command(missing: Sequence[Acl], servers: str, user: str) -> str:
    """Return the shell command that adds ACLs of one operation and pattern. `NAME` stands for no user."""
    resources = "".join(f" --{acl.resource} '{acl.name}'" for acl in missing)
    pattern = " --resource-pattern-type prefixed" if missing[0].is_prefix else ""
    return (
        f"kafka-acls.sh --bootstrap-server {servers} --add --allow-principal User:{user or 'NAME'}"
        f" --operation {missing[0].operation}{resources}{pattern}"
    )
