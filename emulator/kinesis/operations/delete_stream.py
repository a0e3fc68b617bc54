"""DeleteStream: sets an ACTIVE stream to DELETING; after the transition time it is deleted.

A stream with consumers is deleted only if `EnforceConsumerDeletion` is set.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def delete_stream(call: Call) -> Output:
    """Start to delete a stream. The answer is empty."""
    stream = call.idle_stream()
    if stream.live_consumers(call.now_ms) and not call.flag("EnforceConsumerDeletion"):
        raise errors.stream_has_consumers(stream.name, stream.scope.account)
    call.store.delete(stream, call.now_ms)
    return None
