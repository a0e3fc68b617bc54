"""The flow-log line: its documented fields, by version, and the formats made of them.

A format is the ordered tuple of field names of one flow log, hyphenated as AWS writes them. It is not in
the data (except in S3 headers), so a reader must be told it; it is never guessed by counting tokens,
because two formats may have the same length (flow-logs.md 1.1). Field names that AWS adds later pass
through as strings. Source: VPC guide, "Flow log records"; Transit Gateway guide, "Flow log records".
"""

from __future__ import annotations

import re

_V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end"
    " action log-status"
)
_BY_VERSION: dict[int, str] = {
    2: _V2,
    3: "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr",
    4: "region az-id sublocation-type sublocation-id",
    5: "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
    6: "resource-type tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id"
    " tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id"
    " tgw-dst-az-id tgw-pair-attachment-id packets-lost-no-route packets-lost-blackhole"
    " packets-lost-mtu-exceeded packets-lost-ttl-expired",
    7: "ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id"
    " ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn"
    " ecs-task-id",
    8: "reject-reason",
    9: "resource-id",
    10: "encryption-status",
    11: "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type"
    " next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type",
}

FIELD_VERSIONS: dict[str, int] = {
    name: version for version, names in _BY_VERSION.items() for name in names.split()
}
"""Every documented field and the record version that brought it."""

Format = tuple[str, ...]

DEFAULT_FORMAT: Format = tuple(_V2.split())
"""The fourteen fields of version 2, what a flow log delivers when no format was chosen."""

# Which field names the interface: regional NAT gateways have no interface, transit gateways an attachment.
ENTITY_FIELDS = ("interface-id", "resource-id", "tgw-attachment-id")

_FIELD_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TOKEN = re.compile(r"\$\{([^}]*)\}|(\S+)")


class BadFormat(ValueError):
    """The text is not a flow-log format; the message says which token is wrong."""


def parse_format(text: str) -> Format:
    """Read a format from `default`, a LogFormat (`${version} ${start}`) or a header line (`version start`).

    Underscores are read as hyphens, as Parquet and Athena write them. Raises `BadFormat` on an empty text,
    a name that is no field name, or a field named twice.
    """
    if text.strip() in {"", "default"}:
        if text.strip():
            return DEFAULT_FORMAT
        raise BadFormat("an empty format: name at least one field, or say `default`")
    names = tuple((a or b).strip().replace("_", "-") for a, b in _TOKEN.findall(text))
    for name in names:
        if not _FIELD_NAME.fullmatch(name):
            raise BadFormat(f"{name!r} is not a field name: write fields as AWS does, e.g. ${{interface-id}}")
    if len(set(names)) != len(names):
        raise BadFormat(f"a field is named twice in {text!r}")
    return names


def log_format(names: Format) -> str:
    """Return the format as `CreateFlowLogs` takes it: `${version} ${account-id} …`."""
    return " ".join(f"${{{name}}}" for name in names)


def is_header(line: bytes) -> bool:
    """Say whether a line is a header: every token of it a documented field name, as in S3 text files."""
    tokens = line.split()
    return bool(tokens) and all(
        t.decode("ascii", "replace").replace("_", "-") in FIELD_VERSIONS for t in tokens
    )
