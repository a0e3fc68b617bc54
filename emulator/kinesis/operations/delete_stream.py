"""DeleteStream: DELETING at once, gone a moment later. Only an ACTIVE stream can be deleted.

`EnforceConsumerDeletion` is accepted; there are no consumers that it could matter to.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def delete_stream(call: Call) -> Output:
    """Start to delete a stream; the answer is empty."""
    stream = call.stream()
    status = stream.status(call.now_ms)
    if status != "ACTIVE":
        raise errors.stream_not_active(stream.name, call.scope.account, status)
    call.store.delete(stream, call.now_ms)
    return None
