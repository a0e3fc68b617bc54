"""ListTagsForStream: up to 50 of a stream's tags, sorted by key."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_tags
from emulator.kinesis.tags import MOST_TAGS


def list_tags_for_stream(call: Call) -> Output:
    """List the tags after `ExclusiveStartTagKey`."""
    after = call.text("ExclusiveStartTagKey")
    tags = describe_tags({key: value for key, value in call.stream().tags.items() if key > after})
    limit = call.number("Limit", MOST_TAGS)
    return {"Tags": tags[:limit], "HasMoreTags": len(tags) > limit}
