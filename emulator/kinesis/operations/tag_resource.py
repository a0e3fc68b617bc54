"""TagResource: adds tags to a stream or a consumer, by ARN."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.tags import check_tags


def tag_resource(call: Call) -> Output:
    """Add tags. The answer is empty."""
    stream, consumer = call.resource()
    if consumer is not None:
        what = f"consumer {consumer.name} under account {stream.scope.account}"
        check_tags(what, call.tags(), consumer.tags)
        consumer.add_tags(call.tags())
        return None
    check_tags(f"stream {stream.name} under account {stream.scope.account}", call.tags(), stream.tags)
    call.check_there(stream)
    stream.add_tags(call.tags())
    return None
