"""The JSON codec of streams, consumers and settings. It covers all fields, including future ones. Pure.

A dataclass is encoded with its name. The known classes are found through the annotations of `Stream`. The
fields in `_TRANSIENT` are not encoded: records, values derived from them, and active readers. A missing field
gets its default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from emulator.kinesis.state.settings import Commitment
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.scope import Scope

T = TypeVar("T")
_KIND = "~"
_TRANSIENT: dict[type, frozenset[str]] = {
    Shard: frozenset(
        {
            "first_index",
            "trimmed_records",
            "retained_bytes",
            "subscriptions",
            "last_read",
            "_texts",
            "_arrivals_ms",
            "_payload_ends",
            "_payload_start",
            "_watchers",
        }
    ),
    Stream: frozenset({"_starts", "_open"}),
}


class BadText(ValueError):
    """A text was not written by this codec."""


def dumps(value: object) -> bytes:
    """Encode a value. Raises `TypeError` for unknown types."""
    return json.dumps(_plain(value), separators=(",", ":")).encode()


def loads(text: bytes, kind: type[T]) -> T:
    """Decode a value of type `kind`. Raises `BadText`."""
    try:
        value = _value(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise BadText(f"{kind.__name__}: {error}") from None
    if not isinstance(value, kind):
        raise BadText(f"{kind.__name__}: it is a {type(value).__name__}")
    return value


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return {_KIND: "tuple", "items": [_plain(item) for item in value]}
    if isinstance(value, dict):
        return {_KIND: "dict", "items": [[_plain(key), _plain(item)] for key, item in value.items()]}
    kind = cast("type", value.__class__)
    if _classes().get(kind.__name__) is kind:
        return {_KIND: kind.__name__, **{name: _plain(getattr(value, name)) for name in _written(kind)}}
    raise TypeError(f"a {kind.__name__} cannot be written down")


def _value(plain: object) -> object:
    if isinstance(plain, list):
        return [_value(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    name = plain[_KIND]
    if name == "tuple":
        return tuple(_value(item) for item in plain["items"])
    if name == "dict":
        return {_value(key): _value(item) for key, item in plain["items"]}
    return _made(_classes()[name], plain)


def _made(kind: type, plain: dict[str, object]) -> object:
    """Restore an object without its constructor, which would initialize its state."""
    made: object = object.__new__(kind)
    for each in _fields(kind):
        value = _value(plain[each.name]) if each.name in plain else _default(each)
        object.__setattr__(made, each.name, value)
    return made


def _default(each: Field[Any]) -> object:
    if each.default_factory is not MISSING:
        return each.default_factory()
    if each.default is MISSING:
        raise BadText(f"there is no {each.name}")
    return each.default


@cache
def _fields(kind: type) -> tuple[Field[Any], ...]:
    return fields(kind)


@cache
def _written(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in _fields(kind) if each.name not in _TRANSIENT.get(kind, ()))


@cache
def _classes() -> dict[str, type]:
    """Return the dataclasses of streams and settings, by name."""
    found: dict[str, type] = {}
    waiting: list[type] = [Stream, Scope, Commitment]
    while waiting:
        kind = waiting.pop()
        if found.setdefault(kind.__name__, kind) is not kind:
            raise TypeError(f"two classes are named {kind.__name__}")
        met = {part for hint in _hints(kind) for part in _parts(hint)}
        waiting += [part for part in met if part.__name__ not in found]
    return found


def _hints(kind: type) -> Iterable[object]:
    """Return the annotations of encoded fields. Those of other fields may not resolve at run time."""
    written = {each.name: each.type for each in _fields(kind) if each.name in _written(kind)}
    return get_type_hints(
        type(kind.__name__, (), {"__annotations__": written, "__module__": kind.__module__})
    ).values()


def _parts(hint: object) -> Iterator[type]:
    """Yield the dataclasses in an annotation."""
    if isinstance(hint, type) and is_dataclass(hint):
        yield cast("type", hint)
    for argument in get_args(hint):
        yield from _parts(argument)
