"""UpdateStreamWarmThroughput: prepares an on-demand stream's shards for a future throughput.

Only accounts with the minimum throughput billing commitment may call it. AWS's error messages are not
published.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_warm_throughput
from emulator.kinesis.state.streams import StreamMode

MOST_MIBPS = 10_240  # UpdateStreamWarmThroughput: "more than 10 GiBps for an on-demand stream"


def update_stream_warm_throughput(call: Call) -> Output:
    """Start to warm a stream up. Answer with its current and its target throughput."""
    stream = call.stream()
    warm_mibps = call.number("WarmThroughputMiBps", 0)
    check_warm(call, stream.mode, warm_mibps)
    call.check_idle(stream)
    stream.warm_up(warm_mibps, call.now_ms)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "WarmThroughput": describe_warm_throughput(stream),
    }


def check_warm(call: Call, mode: StreamMode, warm_mibps: int) -> None:
    """Check the mode, the commitment and the limit of warm throughput. Raises `Refused`."""
    if mode != "ON_DEMAND":
        raise errors.invalid_argument(
            "WarmThroughputMiBps is only valid for data streams with the on-demand capacity mode."
        )
    if not call.store.commitment(call.scope).is_on(call.now_ms):
        raise errors.invalid_argument(
            "WarmThroughputMiBps is only valid in accounts that have MinimumThroughputBillingCommitment "
            "enabled."
        )
    if warm_mibps > MOST_MIBPS:
        raise errors.limit_exceeded(
            f"WarmThroughputMiBps {warm_mibps} is more than the {MOST_MIBPS} that a stream may have."
        )
