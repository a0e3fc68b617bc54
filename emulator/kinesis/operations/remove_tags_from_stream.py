"""RemoveTagsFromStream: removes tags. As in AWS, unknown keys are ignored."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.tags import check_tag_keys


def remove_tags_from_stream(call: Call) -> Output:
    """Remove tags. The answer is empty."""
    stream = call.stream()
    keys = call.texts("TagKeys")
    check_tag_keys(f"stream {stream.name} under account {stream.scope.account}", keys)
    call.check_there(stream)
    stream.remove_tags(keys)
    return None
