"""CreateStream: a new stream, CREATING at first.

An on-demand stream starts with four shards, as in AWS, and keeps them: nothing grows here by itself. Its
`ShardCount`, and everybody's `WarmThroughputMiBps`, are ignored. Service-managed record distribution
(`AUTO`) is refused: AWS does not say where records go then, so there is nothing to play.
"""

from __future__ import annotations

from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.streams import DEFAULT_MAX_RECORD_KIB, StreamMode, Wanted

ON_DEMAND_SHARDS = 4  # Developer Guide, "On-demand mode": a new stream handles 4 MB/s, that is four shards


def create_stream(call: Call) -> Output:
    """Create a stream; the answer is empty."""
    mode = cast("StreamMode", call.structure("StreamModeDetails").get("StreamMode", "PROVISIONED"))
    if call.text("RecordDistributionStrategy") == "AUTO":
        raise errors.invalid_argument(
            "RecordDistributionStrategy AUTO is not played by this emulator; leave it out."
        )
    wanted = Wanted(
        name=call.text("StreamName"),
        shard_count=_shard_count(call, mode),
        mode=mode,
        max_record_kib=call.number("MaxRecordSizeInKiB", DEFAULT_MAX_RECORD_KIB),
        tags=tuple((key, str(value)) for key, value in call.structure("Tags").items()),
    )
    call.store.create(call.scope, wanted, call.now_ms)
    return None


def _shard_count(call: Call, mode: StreamMode) -> int:
    if mode == "ON_DEMAND":
        return ON_DEMAND_SHARDS
    count = call.number("ShardCount", 0)
    if not count:
        raise errors.validation(
            ["Value null at 'shardCount' failed to satisfy constraint: Member must not be null"]
        )
    return count
