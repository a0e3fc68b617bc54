"""ListTagsForResource: all tags of a stream or a consumer, by ARN."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_tags


def list_tags_for_resource(call: Call) -> Output:
    """List the tags."""
    stream, consumer = call.resource()
    return {"Tags": describe_tags(stream.tags if consumer is None else consumer.tags)}
