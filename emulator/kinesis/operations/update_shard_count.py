"""UpdateShardCount: uniform scaling, at most to double or half of the open shards.

`resharding` has the algorithm. If AWS's limits are enabled, a stream can be scaled ten times in 24 hours.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.state.streams import Stream

MOST_SHARDS = 10_000  # UpdateShardCount: "Scale up to more than 10000 shards in a stream"
MOST_A_DAY = 10
DAY_MS = 24 * 3_600_000


def update_shard_count(call: Call) -> Output:
    """Start to scale a stream. Answer with the shard counts before and after."""
    stream = call.stream()
    if stream.mode == "ON_DEMAND":
        raise errors.stream_on_demand(stream.name, stream.scope.account)
    call.check_idle(stream)
    count, target = len(stream.open_shards), call.number("TargetShardCount", 0)
    _check_target(count, target)
    call.store.check_shard_limit(stream.scope, target - count, call.now_ms)
    if call.store.limits.as_aws:
        _check_day(stream, call.now_ms)
    stream.start_scaling(target, call.now_ms)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": count,
        "TargetShardCount": target,
    }


def _check_target(count: int, target: int) -> None:
    counts = f"Current open shard count: {count} Target shard count: {target}"
    if target > count * 2:
        raise errors.limit_exceeded(
            f"UpdateShardCount cannot scale up over double your current open shard count. {counts}"
        )
    if target * 2 < count:
        raise errors.limit_exceeded(
            f"UpdateShardCount cannot scale down below half your current open shard count. {counts}"
        )
    if target > MOST_SHARDS:
        raise errors.limit_exceeded(
            "Target shard count or number of open shards cannot be greater than "
            f"{MOST_SHARDS}. Current open shard count: {count}, Target shard count: {target}"
        )


def _check_day(stream: Stream, now_ms: int) -> None:
    if sum(at_ms > now_ms - DAY_MS for at_ms in stream.scaled_ms) >= MOST_A_DAY:
        # AWS's message for this error is not published.
        raise errors.limit_exceeded(
            f"Stream {stream.name} under account {stream.scope.account} was scaled {MOST_A_DAY} times in the "
            "last 24 hours, which is the limit."
        )
