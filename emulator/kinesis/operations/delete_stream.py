"""DeleteStream: DELETING at once, gone a moment later. Only an ACTIVE stream can be deleted.

One with consumers is refused, unless `EnforceConsumerDeletion` says that they may go too.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def delete_stream(call: Call) -> Output:
    """Start to delete a stream; the answer is empty."""
    stream = call.idle_stream()
    if stream.live_consumers(call.now_ms) and not call.flag("EnforceConsumerDeletion"):
        raise errors.stream_has_consumers(stream.name, stream.scope.account)
    call.store.delete(stream, call.now_ms)
    return None
