"""DeregisterStreamConsumer: sets a consumer to DELETING; after the transition time it is deleted."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def deregister_stream_consumer(call: Call) -> Output:
    """Start to delete a consumer. The answer is empty."""
    stream, consumer = call.consumer()
    if consumer.status(call.now_ms) != "ACTIVE":
        raise errors.consumer_not_active(consumer, stream.name, stream.scope.account)
    consumer.deregister(call.now_ms)
    return None
