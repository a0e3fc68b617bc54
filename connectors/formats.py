"""Which format a record's lines have: its own header's, its log group's, or the one that is set.

A format is not in the lines (flow-logs.md 1.1). CloudWatch's envelopes name their log group, and a flow log
that delivers there has one format, so a setting, or EC2's DescribeFlowLogs, can say it for each group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from connectors.flowlog import BadFormat, is_header, log_format, parse_format

DESCRIBE = "describe"
UNCLEAR_REASON = "log groups whose lines have several formats"
_LOWER = range(ord("a"), ord("z") + 1)


@dataclass(frozen=True, slots=True)
class Formats:
    """The format that is set, and those of log groups that have another one; None: nobody can tell."""

    default: str
    by_group: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, log_groups: Iterable[str], lines: bytes) -> str | None:
        """Return the format of some lines from these log groups; None where it cannot be told."""
        if lines[:1] and lines[0] in _LOWER and (header := _header(lines.split(b"\n", 1)[0])):
            return header
        found = {self.by_group.get(group, self.default) for group in log_groups} or {self.default}
        return found.pop() if len(found) == 1 else None


def _header(line: bytes) -> str:
    """Return a first line that is a format; empty when it is none, be it made of field names."""
    if not is_header(line):
        return ""
    try:
        parse_format(text := line.decode())
    except BadFormat:
        return ""
    return text


def parse_group_formats(text: str) -> dict[str, str]:
    """Read the setting, a JSON object of log group → format; none if empty. Raises `BadFormat`."""
    if text in {"", DESCRIBE}:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFormat(
            f'{text!r} is not JSON: write {{"log-group": "${{version}} …"}}, or describe'
        ) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadFormat(
            f'{text!r} is no object of texts: write {{"log-group": "${{version}} …"}}, or describe'
        )
    for value in found.values():
        parse_format(value)
    return found


def of_flow_logs(flow_logs: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return log group → format of what DescribeFlowLogs answered.

    Lines of two formats in one log group cannot be told apart, so such a group has None.
    """
    found: dict[str, set[str]] = {}
    for one in flow_logs:
        if (group := one.get("LogGroupName")) and (text := one.get("LogFormat")):
            found.setdefault(group, set()).add(log_format(parse_format(text)))
    return {group: formats.pop() if len(formats) == 1 else None for group, formats in found.items()}
