"""The flow-log line: its documented fields, by version, and the formats made of them.

A format is the ordered tuple of field names of one flow log, hyphenated as AWS writes them. It is not in
the data (except in S3 headers), so a setting names it; it is never guessed by counting tokens,
because two formats may have the same length. Field names that AWS adds later pass
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

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which some editors write at the start of a file."""

_HEADER_FIELDS_MIN = 2
_KNOWN_MIN = 3
_HEADER_TOKEN = re.compile(rb"[a-z][a-z0-9_-]*")
_WORDS = frozenset(["version", "protocol", "packets", "bytes", "start", "end", "action", "type", "region"])
_ISO_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TOKEN = re.compile(r"\$\{([^}]*)\}|(\S+)")


class BadFormat(ValueError):
    """The text is not a flow-log format; the message names the wrong token."""


def parse_format(text: str) -> Format:
    """Parse a format from `default`, a LogFormat (`${version} ${start}`) or a header line (`version start`).

    Underscores are read as hyphens, as Parquet and Athena write them. Raises `BadFormat` on an empty text,
    a name that is no field name, or a field named twice.
    """
    if text.strip() in {"", "default"}:
        if text.strip():
            return DEFAULT_FORMAT
        raise BadFormat("an empty format: name at least one field, or use `default`")
    names = tuple((a or b).strip().replace("_", "-") for a, b in _TOKEN.findall(text))
    for name in names:
        if not _FIELD_NAME.fullmatch(name):
            raise BadFormat(f"{name!r} is not a field name: write fields as AWS does, e.g. ${{interface-id}}")
    if len(set(names)) != len(names):
        raise BadFormat(f"a field is named twice in {text!r}: name each field once")
    return names


def log_format(names: Format) -> str:
    """Return the format as `CreateFlowLogs` takes it: `${version} ${account-id} …`."""
    return " ".join(f"${{{name}}}" for name in names)


def header_of(line: bytes) -> Format | None:
    """Return the format that a header line defines, or None if the line is not a header.

    A header has at least two tokens, all of them field names by syntax and none of them twice, so a line of
    data never is one: it has a number or a `-`. AWS adds fields, so a header may name fields that are not
    documented here, if at least half of its names are documented and its lines can be summed, or three are
    documented of which one is not an English word.
    """
    tokens = line.removeprefix(BOM).split()
    if len(tokens) < _HEADER_FIELDS_MIN or not all(map(_HEADER_TOKEN.fullmatch, tokens)):
        return None
    names = tuple(token.decode().replace("_", "-") for token in tokens)
    known = [name for name in names if name in FIELD_VERSIONS]
    if len(set(names)) < len(names):
        return None
    are_words = len(known) < _KNOWN_MIN or _WORDS.issuperset(known)
    is_likely = 2 * len(known) >= len(names) and (not are_words or not missing_fields(names))
    return names if is_likely or len(known) == len(names) else None


def is_header(line: bytes) -> bool:
    """Return whether a line is a header."""
    return header_of(line) is not None


def without_prefix(tokens: list[bytes], columns: int) -> list[bytes]:
    """Return the tokens of a line without the prefix that tools of CloudWatch Logs add.

    Exports and `aws logs tail --format short` write the time, `aws logs tail` the time and the log stream.
    The name of a stream has no colon (CreateLogStream), and one that is a number would be a field.
    """
    more = len(tokens) - columns
    if more not in (1, 2) or not _ISO_TIME.fullmatch(tokens[0]):
        return tokens
    is_prefix = more == 1 or not (b":" in tokens[1] or tokens[1].isdigit())
    return tokens[more:] if is_prefix else tokens


def missing_fields(names: Format) -> str:
    """Return a clause that names the fields that a format lacks for sums; empty if it lacks none."""
    if not any(name in names for name in ENTITY_FIELDS):
        return f"the format names none of {', '.join(ENTITY_FIELDS)}"
    return "" if "start" in names else "the format lacks start, so its lines have no window"
