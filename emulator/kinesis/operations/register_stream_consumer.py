"""RegisterStreamConsumer: registers a consumer for enhanced fan-out, in the state CREATING.

A stream may have 20 consumers, and an on-demand stream of an account with a commitment 50. Five of them may
be in the state CREATING.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_consumer
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.tags import check_tags

MOST_CONSUMERS, MOST_WITH_COMMITMENT, MOST_CREATING = 20, 50, 5


def register_stream_consumer(call: Call) -> Output:
    """Register a consumer and answer with it."""
    stream, name = call.stream(), call.text("ConsumerName")
    call.check_there(stream)
    account = stream.scope.account
    if stream.consumer(name, call.now_ms) is not None:
        raise errors.consumer_exists(name, stream.name, account)
    check_tags(f"consumer {name} under account {account}", call.tags(), {})
    _check_count(call, stream)
    consumer = stream.register(name, call.tags(), call.now_ms)
    return {"Consumer": describe_consumer(consumer, call.now_ms)}


def _check_count(call: Call, stream: Stream) -> None:
    """Refuse a consumer above the limits. AWS's messages are not published."""
    consumers = stream.live_consumers(call.now_ms)
    has_more = stream.mode == "ON_DEMAND" and call.store.commitment(stream.scope).is_on(call.now_ms)
    most = MOST_WITH_COMMITMENT if has_more else MOST_CONSUMERS
    if len(consumers) >= most:
        raise errors.limit_exceeded(
            f"Stream {stream.name} under account {stream.scope.account} has {most} registered consumers, "
            "which is the limit."
        )
    if sum(consumer.status(call.now_ms) == "CREATING" for consumer in consumers) >= MOST_CREATING:
        raise errors.limit_exceeded(
            f"Stream {stream.name} under account {stream.scope.account} has {MOST_CREATING} consumers in the "
            "CREATING status already."
        )
