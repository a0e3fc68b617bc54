"""CreateStream: creates a stream in the state CREATING.

An on-demand stream starts with four shards, as in AWS. A request without shard count and mode creates an
on-demand stream (LocalStack's snapshot of AWS, `test_create_stream_without_shard_count`). In on-demand mode,
`ShardCount` is ignored.
"""

from __future__ import annotations

from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.update_stream_warm_throughput import check_warm
from emulator.kinesis.state.growth import LEAST_SHARDS
from emulator.kinesis.state.streams import DEFAULT_MAX_RECORD_KIB, Strategy, StreamMode, Wanted
from emulator.kinesis.tags import check_tags

MOST_CREATING = 5  # CreateStream: "Have more than five streams in the CREATING state"


def create_stream(call: Call) -> Output:
    """Create a stream. The answer is empty."""
    given = "PROVISIONED" if "ShardCount" in call.request else "ON_DEMAND"
    mode = cast("StreamMode", call.structure("StreamModeDetails").get("StreamMode", given))
    strategy = cast("Strategy", call.text("RecordDistributionStrategy") or "USER_PARTITION_KEY")
    if strategy == "AUTO" and mode == "PROVISIONED":
        raise errors.strategy_needs_on_demand()
    warm_mibps = call.number("WarmThroughputMiBps", 0) if "WarmThroughputMiBps" in call.request else None
    if warm_mibps is not None:
        check_warm(call, mode, warm_mibps)
    name = call.text("StreamName")
    check_tags(f"stream {name} under account {call.scope.account}", call.tags(), {})
    wanted = Wanted(
        name=name,
        shard_count=_shard_count(call, mode, warm_mibps or 0),
        mode=mode,
        max_record_kib=call.number("MaxRecordSizeInKiB", DEFAULT_MAX_RECORD_KIB),
        tags=tuple(call.tags().items()),
        warm_mibps=warm_mibps,
        strategy=strategy,
    )
    if call.store.limits.as_aws:
        _check_creating(call)
    call.store.create(call.scope, wanted, call.now_ms)
    return None


def _shard_count(call: Call, mode: StreamMode, warm_mibps: int) -> int:
    if mode == "ON_DEMAND":
        return max(LEAST_SHARDS, warm_mibps)
    count = call.number("ShardCount", 0)
    if not count:
        raise errors.validation(
            ["Value null at 'shardCount' failed to satisfy constraint: Member must not be null"]
        )
    return count


def _check_creating(call: Call) -> None:
    streams = call.store.streams(call.scope, call.now_ms)
    if sum(stream.status(call.now_ms) == "CREATING" for stream in streams) >= MOST_CREATING:
        # AWS's message for this error is not published.
        raise errors.limit_exceeded(
            f"Account {call.scope.account} has {MOST_CREATING} streams in the CREATING state already."
        )
