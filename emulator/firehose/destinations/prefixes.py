"""Object keys: prefix expressions, default prefixes, and object names. Pure.

Developer Guide, "Understand custom prefixes for Amazon S3 objects": `!{timestamp:<Java pattern>}` is the
arrival of the oldest record in the object, `!{firehose:random-string}` eleven random characters, and
`!{firehose:error-output-type}` the error type. To a prefix without an expression, Firehose appends
`yyyy/MM/dd/HH/`, and for error records the error type before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from emulator.firehose.errors import invalid_argument

_DEFAULT_TIME = "yyyy/MM/dd/HH/"
_RANDOM_CHARACTERS = 11
_RANDOM = "firehose:random-string"
_ERROR_TYPE = "firehose:error-output-type"
_EXPRESSION = re.compile(r"!\{([^{}]*)\}")
_JAVA = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+")

# The letters of Java's DateTimeFormatter that are supported, by pattern.
_FIELDS: dict[str, Callable[[datetime], str]] = {
    **dict.fromkeys(("yyyy", "uuuu", "YYYY", "y"), lambda at: f"{at.year:04}"),
    "yy": lambda at: f"{at.year % 100:02}",
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: f"{at.month}",
    "MMM": lambda at: at.strftime("%b"),
    "MMMM": lambda at: at.strftime("%B"),
    "dd": lambda at: f"{at.day:02}",
    "d": lambda at: f"{at.day}",
    "DDD": lambda at: at.strftime("%j"),
    **dict.fromkeys(("EEE", "EE", "E"), lambda at: at.strftime("%a")),
    "EEEE": lambda at: at.strftime("%A"),
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: f"{at.hour}",
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "h": lambda at: f"{at.hour % 12 or 12}",
    "a": lambda at: "AM" if at.hour < 12 else "PM",
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: f"{at.minute}",
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: f"{at.second}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The values of expressions. `random` returns the given number of new random characters."""

    arrival_ms: int
    zone: tzinfo
    random: Callable[[int], str]
    error_type: str = ""


def evaluate(prefix: str, moment: Moment) -> str:
    """Return the value of a prefix with its expressions evaluated."""
    if _EXPRESSION.search(prefix):
        return _EXPRESSION.sub(lambda found: _value(found[1], moment), prefix)
    kind = f"{moment.error_type}/" if moment.error_type else ""
    return prefix + kind + _time(_DEFAULT_TIME, moment)


def check(prefix: str, error_prefix: str | None) -> None:
    """Check prefixes by the rules of the same page. Raises `Refused`."""
    for text, field in ((prefix, "Prefix"), (error_prefix or "", "ErrorOutputPrefix")):
        for found in _EXPRESSION.finditer(text):
            _check_expression(found[1], field)
    if _ERROR_TYPE in prefix:
        raise invalid_argument("Prefix cannot contain !{firehose:error-output-type}")
    if _EXPRESSION.search(prefix) and not error_prefix:
        raise invalid_argument("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if error_prefix and _EXPRESSION.search(error_prefix) and _ERROR_TYPE not in error_prefix:
        raise invalid_argument("ErrorOutputPrefix must contain at least one !{firehose:error-output-type}")


def object_name(stream: str, version: str, at: datetime, unique: str) -> str:
    """Return the name of an object, without prefix and extension."""
    return f"{stream}-{version}-{at:%Y-%m-%d-%H-%M-%S}-{unique}"


def _check_expression(expression: str, field: str) -> None:
    namespace, _, value = expression.partition(":")
    if namespace == "timestamp":
        for token in _JAVA.finditer(value):
            if token[1] and token[0] not in _FIELDS:
                raise invalid_argument(f"{field} has a timestamp letter that is not supported: {token[0]}")
    elif namespace.startswith("partitionKeyFrom"):
        raise invalid_argument(f"{field} names a partition key, and dynamic partitioning is not supported.")
    elif expression not in {_RANDOM, _ERROR_TYPE}:
        raise invalid_argument(f"{field} has an expression that is not valid: !{{{expression}}}")


def _value(expression: str, moment: Moment) -> str:
    if expression == _RANDOM:
        return moment.random(_RANDOM_CHARACTERS)
    if expression == _ERROR_TYPE:
        return moment.error_type
    return _time(expression.partition(":")[2], moment)


def _time(pattern: str, moment: Moment) -> str:
    at = datetime.fromtimestamp(moment.arrival_ms / 1000, moment.zone)
    return "".join(_token(found, at) for found in _JAVA.finditer(pattern))


def _token(found: re.Match[str], at: datetime) -> str:
    text = found[0]
    if found[1]:
        return _FIELDS[text](at)
    if text.startswith("'"):
        return text[1:-1].replace("''", "'") or "'"
    return text
