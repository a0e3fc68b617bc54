"""The check of a Kafka message against the schema files of its topic."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema
import orjson
import polars as pl

from streams.schemas.files import topic_schema

ARROW_TYPES = {
    "int16": pl.Int16, "int32": pl.Int32, "int64": pl.Int64, "uint8": pl.UInt8, "uint16": pl.UInt16,
    "uint64": pl.UInt64, "utf8": pl.String, "binary": pl.Binary, "bool": pl.Boolean,
}  # fmt: skip


def faults(
    topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> list[str]:
    """Return the differences of a message from the schema of its topic (without prefix), as sentences."""
    schema = _schema(topic)
    given = dict(headers)
    found = [f"header {one}" for one in _header_faults(schema["headers"], given)]
    kind = next((one for one in schema["messages"] if _has_key(one["key"], key)), None)
    if kind is None:
        return [*found, f"key {key!r}"]
    if value is None:
        return found if "tombstone" in kind["value"] or _is_compacted(topic) else [*found, "no value"]
    return found + [f"{kind['name']}: {one}" for one in _value_faults(kind["value"], value, given)]


@cache
def _schema(topic: str) -> dict[str, Any]:
    return topic_schema(topic)


def _is_compacted(topic: str) -> bool:
    return topic.endswith("-state") or topic in {"positions", "inventory"}


def _has_key(pattern: str | None, key: bytes | None) -> bool:
    return key is None if pattern is None else bool(re.match(pattern, (key or b"").decode()))


def _header_faults(schema: dict[str, Any], given: dict[str, bytes]) -> list[str]:
    found = [
        f"{name} is missing" for name, one in schema.items() if name not in given and not one.get("optional")
    ]
    for name, value in given.items():
        if name not in schema:
            found.append(f"{name} is unknown")
        elif schema[name]["type"] == "number" and not re.fullmatch(rb"-?\d+", value):
            found.append(f"{name} is no number: {value!r}")
    return found


def _value_faults(schema: dict[str, Any], value: bytes, headers: dict[str, bytes]) -> list[str]:
    encoding = schema["encoding"]
    if encoding == "json-zlib":
        encoding, value = "json", zlib.decompress(value)
    if encoding == "json":
        return [
            one.message
            for one in jsonschema.Draft202012Validator(schema["schema"]).iter_errors(orjson.loads(value))
        ]
    if encoding == "text":
        return [] if re.fullmatch(schema["pattern"], value.decode()) else [f"text {value!r}"]
    if encoding == "bytes":
        size, step = len(value) - schema.get("offset", 0), schema.get("multiple_of", 1)
        return [f"{len(value)} bytes"] if size % step else []
    if not value:
        return [] if schema.get("may_be_empty") else ["empty"]
    return _arrow_faults(schema["streams"], value, headers)


def _arrow_faults(streams: list[dict[str, Any]], value: bytes, headers: dict[str, bytes]) -> list[str]:
    at = int(headers.get("conversations_at", len(value)))
    parts = [part for part in (value[:at], value[at:]) if part]
    found = []
    for part, stream in zip(parts, streams, strict=False):
        wanted = {one["name"]: ARROW_TYPES[one["type"]] for one in stream["fields"]}
        given = {n: _logical(kind) for n, kind in pl.read_ipc_stream(io.BytesIO(part)).schema.items()}
        if list(given.items()) != list(wanted.items()):
            found.append(f"columns {given} instead of {wanted}")
    return found if len(parts) <= len(streams) else [*found, f"{len(parts)} Arrow streams"]


def _logical(kind: pl.DataType) -> pl.DataType | type[pl.DataType]:
    """Return the type of a column; a text may be encoded by a dictionary."""
    return pl.String if isinstance(kind, pl.Enum | pl.Categorical) else kind
