"""The tags of a delivery stream: TagDeliveryStream, UntagDeliveryStream, ListTagsForDeliveryStream. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from emulator.firehose.call import Call
from emulator.firehose.shapes import TAGS_MAX
from emulator.kinesis.errors import Refused, validation
from emulator.kinesis.protocol.wire import Request

_KEY_PATTERN = r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$"
_VALUE_PATTERN = r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$"
# The same for Python's `re`, whose \w is letters, digits and the underscore, and whose \s has \p{Z}.
_KEY = re.compile(r"(?!aws:)[\w\s.:/=+\-@%]*")
_VALUE = re.compile(r"[\w\s.:/=+\-@%]*")


def checked(entries: Iterable[Request]) -> dict[str, str | None]:
    """Return tags by key. Raises `Refused` for characters that AWS does not allow."""
    sentences: list[str] = []
    tags: dict[str, str | None] = {}
    for number, entry in enumerate(entries, 1):
        key, value = cast("str", entry["Key"]), cast("str | None", entry.get("Value"))
        if not _KEY.fullmatch(key):
            sentences.append(_sentence(key, f"tags.{number}.member.key", _KEY_PATTERN))
        if value is not None and not _VALUE.fullmatch(value):
            sentences.append(_sentence(value, f"tags.{number}.member.value", _VALUE_PATTERN))
        tags[key] = value
    if sentences:
        raise validation(sentences[:10])
    return tags


def tag_delivery_stream(call: Call) -> Request:
    """Add tags, or replace their values."""
    stream = call.stream()
    tags = {**stream.tags, **checked(cast("list[Request]", call.request["Tags"]))}
    if len(tags) > TAGS_MAX:
        # AWS's message for this error is not published.
        raise Refused("LimitExceededException", f"A delivery stream can have up to {TAGS_MAX} tags.")
    stream.tags = tags
    return {}


def untag_delivery_stream(call: Call) -> Request:
    """Remove tags. Unknown keys are ignored."""
    stream = call.stream()
    for key in cast("list[str]", call.request["TagKeys"]):
        stream.tags.pop(key, None)
    return {}


def list_tags_for_delivery_stream(call: Call) -> Request:
    """List tags in the order of their creation, optionally after a key."""
    tags = call.stream().tags
    keys = list(tags)
    start = call.text("ExclusiveStartTagKey")
    if start in tags:
        keys = keys[keys.index(start) + 1 :]
    limit = call.number("Limit", TAGS_MAX)
    return {"Tags": [_shown(key, tags[key]) for key in keys[:limit]], "HasMoreTags": len(keys) > limit}


def _shown(key: str, value: str | None) -> Request:
    return {"Key": key} if value is None else {"Key": key, "Value": value}


def _sentence(value: str, where: str, pattern: str) -> str:
    return (
        f"Value '{value}' at '{where}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )
