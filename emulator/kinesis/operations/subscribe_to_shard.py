"""SubscribeToShard: opens a subscription of a registered consumer to one shard (see `subscription`)."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.get_shard_iterator import starting_index
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.subscription import EXCLUSIVE_MS, Subscription, SubscriptionStart

# StartingPosition has the same five types as GetShardIterator, with other field names.
_AS_ITERATOR = {
    "Type": "ShardIteratorType",
    "SequenceNumber": "StartingSequenceNumber",
    "Timestamp": "Timestamp",
}


def subscribe_to_shard(call: Call) -> Output:
    """Answer with a subscription."""
    arn = call.text("ConsumerARN")
    stream, consumer = call.consumer_by_arn(arn)
    shard = _shard(call, stream)
    call.store.expire(stream, shard, call.now_ms)
    asked = {_AS_ITERATOR[name]: value for name, value in call.structure("StartingPosition").items()}
    index = starting_index(Call(call.store, call.scope, asked, call.now_ms), stream, shard)
    earlier = shard.subscriptions.get(arn)
    if earlier is not None and call.now_ms - earlier.started_ms < EXCLUSIVE_MS:
        raise errors.Refused(
            "ResourceInUseException",
            f"Another active subscription exists for this consumer: {stream.scope.account}:{stream.name}:"
            f"{shard.shard_id}:{consumer.name}",
        )
    if call.flag("DryRun"):
        raise errors.dry_run()
    if earlier is not None:
        earlier.take_over()
    subscription = Subscription(stream, consumer, shard, SubscriptionStart(index, call.now_ms, call.format))
    shard.subscriptions[arn] = subscription
    return subscription


def _shard(call: Call, stream: Stream) -> Shard:
    """Return the shard in a request. Raises `Refused`."""
    name = call.text("ShardId")
    number = sequence_numbers.shard_of(name)
    shard = None if number is None else stream.shard(number, call.now_ms)
    if shard is None:
        shown = name if number is None else sequence_numbers.shard_id(number)
        raise errors.shard_not_found(shown, stream.name, stream.scope.account)
    return shard
