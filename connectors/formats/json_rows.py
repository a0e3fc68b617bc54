"""A flow log as a JSON object: AWS's field names as keys, in any spelling, and texts or numbers. Pure.

CloudWatch's `parseVPC` transformer writes camel case and numbers as strings, Athena and Glue snake case,
pandas floats. A row becomes a line of a format that has exactly its fields, in the documented order, so rows
with the same fields share a format whatever the order of their keys. Source: CloudWatch Logs guide,
"parseVPC".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, log_format, missing_fields
from connectors.formats.texts import Refused

NESTED = "JSON row with a nested value"
TWICE = "JSON row that names a field twice"

_KNOWN = {name.replace("-", ""): name for name in FIELD_VERSIONS}
_ORDER = {name: place for place, name in enumerate(FIELD_VERSIONS)}
_KNOWN_MIN = 3  # documented fields of a row: others have a `resourceId` and a `start`, too
_NUMBER_FIELDS = """
version srcport dstport protocol packets bytes start end tcp-flags traffic-path encryption-status
packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired
"""
_NUMBERS = frozenset(f"${{{name}}}" for name in _NUMBER_FIELDS.split())
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_NAME_MAX = 100  # characters; a longer key is not a field
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WHOLE = re.compile(r"([0-9]+)\.0+")
_WHITE = re.compile(r"\s+")
_NOT_ALPHANUMERIC = re.compile(r"[-_ ]")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The conversion of rows with the same keys to lines: the format, and the key of each column."""

    line_format: str
    keys: tuple[str, ...]


def row_line(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the format and the line of a JSON object, or None if it is not a flow log. Raises `Refused`."""
    plan = _plan(tuple(row))
    if plan is None:
        return None
    values = [row[key] for key in plan.keys]
    if any(isinstance(value, (dict, list)) for value in values):
        scalars = {key: value for key, value in row.items() if not isinstance(value, (dict, list))}
        if count_known(scalars) < count_known(row):
            raise Refused(NESTED)
        return row_line(scalars)
    names = plan.line_format.split()
    return plan.line_format, " ".join(map(_token, values, names))


def count_known(row: Mapping[str, Any]) -> int:
    """Return how many keys of an object are documented fields."""
    return sum(_squeezed(key) in _KNOWN for key in row)


@lru_cache(maxsize=1024)
def _plan(keys: tuple[str, ...]) -> _Plan | None:
    named = [(_name(key), key) for key in keys]
    by_name = {name: key for name, key in named if name}
    known = sum(name in FIELD_VERSIONS for name in by_name)
    if known < _KNOWN_MIN or missing_fields(tuple(by_name)):
        return None
    if len(by_name) < sum(bool(name) for name, _ in named):
        raise Refused(TWICE)
    names = tuple(sorted(by_name, key=lambda name: (_ORDER.get(name, len(_ORDER)), name)))
    if set(names) == set(DEFAULT_FORMAT):
        names = DEFAULT_FORMAT
    return _Plan(log_format(names), tuple(by_name[name] for name in names))


def _squeezed(key: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", key).lower()


def _name(key: str) -> str:
    """Return the field that a key names; empty for a key that cannot be a field, as `@timestamp`."""
    if known := _KNOWN.get(_squeezed(key)):
        return known
    name = _CAPITAL.sub("-", key).replace("_", "-").lower()
    return name if len(name) <= _NAME_MAX and _NAME.fullmatch(name) else ""


def _token(value: Any, name: str) -> str:
    """Return a value as AWS writes it in a line; a token is never empty and has no spaces."""
    if value is None:
        return "-"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = _WHITE.sub("_", str(value).strip())
    if name in _NUMBERS and (whole := _WHOLE.fullmatch(text)):
        return whole[1]
    return text or "-"
