"""The streams that a choice matches now: patterns and tags are resolved by ListStreams and tags."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from connectors.aws.calls import Caller
from connectors.aws.errors import code_of
from connectors.kinesis.stream_choice import StreamChoice

TAGS_S = 300.0  # ListTagsForStream is limited to 5 calls per second in an account


class StreamFinder:
    """The resolver of one choice. It remembers the tags of streams."""

    def __init__(self, client: Any, choice: StreamChoice, caller: Caller) -> None:
        self._client, self._choice, self._caller = client, choice, caller
        self._tags: dict[str, tuple[float, bool]] = {}

    async def find(self) -> list[str]:
        """Return the names and ARNs of the matching streams. Raises botocore's permanent errors."""
        found = list(self._choice.named)
        if not self._choice.is_search:
            return found
        asked: dict[str, Any] = {}
        while True:
            page = await self._caller.call("ListStreams", partial(self._client.list_streams, **asked))
            for name in page["StreamNames"]:
                if name not in found and (self._choice.matches(name) or await self._is_tagged(name)):
                    found.append(name)
            if not page.get("HasMoreStreams"):
                return found
            asked = {"ExclusiveStartStreamName": page["StreamNames"][-1]}

    async def _is_tagged(self, name: str) -> bool:
        if not self._choice.tags:
            return False
        known = self._tags.get(name)
        if known is None or (not known[1] and time.monotonic() - known[0] > TAGS_S):
            known = self._tags[name] = time.monotonic(), self._choice.has_tag(await self._tags_of(name))
        return known[1]

    async def _tags_of(self, name: str) -> dict[str, str]:
        tags: dict[str, str] = {}
        asked: dict[str, Any] = {"StreamName": name}
        try:
            while True:
                page = await self._caller.call(
                    "ListTagsForStream", partial(self._client.list_tags_for_stream, **asked)
                )
                tags |= {tag["Key"]: tag.get("Value", "") for tag in page["Tags"]}
                if not page.get("HasMoreTags"):
                    return tags
                asked["ExclusiveStartTagKey"] = page["Tags"][-1]["Key"]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return {}  # deleted since it was listed
