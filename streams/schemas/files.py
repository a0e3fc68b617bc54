"""The reader of the schema files, which are part of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent
INDEX = "topics.json"


def read_schema(name: str) -> Any:
    """Return the content of a schema file, such as `aggregate.json`."""
    return orjson.loads((FOLDER / name).read_bytes())


def topic_schema(topic: str) -> dict[str, Any]:
    """Return the entry of a topic (without prefix) in the index, with its schema files in place of names.

    Raises `KeyError` if there is no such topic.
    """
    found: dict[str, Any] = read_schema(INDEX)[topic]
    for message in found["messages"]:
        value = message["value"]
        if "schema" in value:
            value["schema"] = read_schema(value["schema"])
        if "streams" in value:
            value["streams"] = [read_schema(name) for name in value["streams"]]
    return found
