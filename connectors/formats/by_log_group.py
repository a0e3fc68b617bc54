"""The line format of each log group: from EC2's DescribeFlowLogs, or from a setting. Pure.

A line does not contain its format. An envelope of CloudWatch Logs names the log group, and a flow log that
delivers there has one format, so a setting or DescribeFlowLogs can define the format of each group. A header
or the keys of rows inside a record take precedence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from connectors.formats.flowlog import BadFormat, Format, log_format, missing_fields, parse_format
from connectors.formats.texts import Text

DESCRIBE = "describe"
_SHOWN_MAX = 200  # characters of a format in a reason


@dataclass(frozen=True, slots=True)
class Unusable:
    """The reason why lines of a log group are refused; it names the group and the format."""

    why: str


GroupFormat = str | Unusable


@dataclass(frozen=True, slots=True)
class Formats:
    """The default format, and the formats of log groups that have another one."""

    default: str
    by_group: Mapping[str, GroupFormat] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, text: Text) -> GroupFormat:
        """Return the format of some lines."""
        return text.line_format or self.by_group.get(text.log_group, self.default)


def usable_format(text: str) -> Format:
    """Parse a format, and check that its lines can be summed. Raises `BadFormat`."""
    names = parse_format(text)
    if lacks := missing_fields(names):
        raise BadFormat(lacks)
    return names


def parse_group_formats(text: str) -> dict[str, GroupFormat]:
    """Parse the setting, a JSON object from log group to format, or empty. Raises `BadFormat`."""
    if text in {"", DESCRIBE}:
        return {}
    example = 'write {"log-group": "${version} …"}, or describe'
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFormat(f"{text!r} is not JSON: {example}") from error
    if not isinstance(found, dict):
        raise BadFormat(f"{text!r} is not a JSON object: {example}")
    for group, value in found.items():
        if not isinstance(value, str):
            raise BadFormat(f"the format of log group {group!r} is {value!r}, but must be text: {example}")
        try:
            usable_format(value)
        except BadFormat as error:
            raise BadFormat(f"the format of log group {group!r} cannot be used: {error}") from error
    return found


def of_flow_logs(flow_logs: Iterable[Mapping[str, Any]]) -> dict[str, GroupFormat]:
    """Return the format of each log group in an answer of DescribeFlowLogs.

    Lines of two formats in one log group cannot be distinguished. A LogFormat may also be unusable: quotes,
    for instance, are delivered in each line. Lines of such a group are refused.
    """
    found: dict[str, dict[str, None]] = {}
    for one in flow_logs:
        if (group := one.get("LogGroupName")) and (text := one.get("LogFormat")) is not None:
            found.setdefault(str(group), {})[str(text)] = None
    return {group: _described(group, list(texts)) for group, texts in found.items()}


def _described(group: str, texts: list[str]) -> GroupFormat:
    formats = set()
    for text in texts:
        try:
            formats.add(log_format(usable_format(text)))
        except BadFormat as error:
            shown = text[:_SHOWN_MAX]
            return Unusable(
                f"log group {group!r} has the unusable LogFormat {shown!r}: {error}"[: 4 * _SHOWN_MAX]
            )
    if len(formats) > 1:
        return Unusable(
            f"log group {group!r} has flow logs of {len(formats)} formats, which cannot be distinguished"
        )
    return formats.pop()
