"""The descriptions of streams, shards and consumers that several calls share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.kinesis.errors import invalid_argument
from emulator.kinesis.protocol.wire import Time
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.consumers import Consumer
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream

MS_IN_HOUR = 3_600_000


def describe_stream_head(stream: Stream, now_ms: int) -> dict[str, object]:
    """Return the part of `StreamDescription` and `StreamDescriptionSummary` that is the same."""
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status(now_ms),
        "StreamModeDetails": {"StreamMode": stream.mode},
        # AWS's unit is an hour; a shorter retention, which only the emulator has, is described as 1.
        "RetentionPeriodHours": max(1, stream.retention_ms // MS_IN_HOUR),
        "StreamCreationTimestamp": Time(stream.created_ms),
        "EnhancedMonitoring": [{"ShardLevelMetrics": list(stream.metrics)}],
        **describe_encryption(stream),
    }


def describe_encryption(stream: Stream) -> dict[str, object]:
    """Return a stream's encryption. If it is UPDATING, return the future one."""
    described: dict[str, object] = {"EncryptionType": stream.encryption.type}
    if stream.encryption.key_id:
        described["KeyId"] = stream.encryption.key_id
    return described


def describe_warm_throughput(stream: Stream) -> dict[str, object]:
    """Return an on-demand stream's current throughput, 1 MiB/s for each shard, and its target."""
    current = len(stream.open_shards)
    target = current if stream.warm_mibps is None else stream.warm_mibps
    return {"TargetMiBps": target, "CurrentMiBps": current}


def describe_consumer(consumer: Consumer, now_ms: int) -> dict[str, object]:
    """Return the description of a consumer."""
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": consumer.status(now_ms),
        "ConsumerCreationTimestamp": Time(consumer.created_ms),
    }


def describe_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as a list, sorted by key."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def describe_shard(shard: Shard) -> dict[str, object]:
    """Return the description of a shard for `DescribeStream` and `ListShards`."""
    numbers = {"StartingSequenceNumber": str(shard.starting_number())}
    ending = shard.ending_number()
    if ending is not None:
        numbers["EndingSequenceNumber"] = str(ending)
    parents = zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False)
    return {
        "ShardId": shard.shard_id,
        **{field: sequence_numbers.shard_id(parent) for field, parent in parents},
        "HashKeyRange": describe_hash_range(shard),
        "SequenceNumberRange": numbers,
    }


def describe_child(shard: Shard) -> dict[str, object]:
    """Return the description of a child shard for `GetRecords` and `SubscribeToShard`."""
    return {
        "ShardId": shard.shard_id,
        "ParentShards": [sequence_numbers.shard_id(parent) for parent in shard.parents],
        "HashKeyRange": describe_hash_range(shard),
    }


def describe_hash_range(shard: Shard) -> dict[str, str]:
    """Return a shard's range of hash keys."""
    return {
        "StartingHashKey": str(shard.starting_hash_key),
        "EndingHashKey": str(shard.ending_hash_key),
    }


def shards_after(shards: Sequence[Shard], exclusive_start_shard_id: str) -> Sequence[Shard]:
    """Return the shards after a shard id, which need not exist. If it is empty, return all shards."""
    if not exclusive_start_shard_id:
        return shards
    number = sequence_numbers.shard_of(exclusive_start_shard_id)
    if number is None:
        # AWS's message for this error is not published.
        raise invalid_argument(f"ExclusiveStartShardId {exclusive_start_shard_id} is not a shard's name.")
    return [shard for shard in shards if shard.number > number]
