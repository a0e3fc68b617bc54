"""UntagResource: removes tags from a stream or a consumer, by ARN."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.tags import check_tag_keys


def untag_resource(call: Call) -> Output:
    """Remove tags. The answer is empty."""
    stream, consumer = call.resource()
    tagged = stream if consumer is None else consumer
    keys = call.texts("TagKeys")
    kind = "stream" if consumer is None else "consumer"
    check_tag_keys(f"{kind} {tagged.name} under account {stream.scope.account}", keys)
    if consumer is None:
        call.check_there(stream)
    tagged.remove_tags(keys)
    return None
