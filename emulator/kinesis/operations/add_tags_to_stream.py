"""AddTagsToStream: adds up to 50 tags, or replaces their values."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.tags import check_tags


def add_tags_to_stream(call: Call) -> Output:
    """Add tags. The answer is empty."""
    stream = call.stream()
    check_tags(f"stream {stream.name} under account {stream.scope.account}", call.tags(), stream.tags)
    call.check_there(stream)
    stream.add_tags(call.tags())
    return None
