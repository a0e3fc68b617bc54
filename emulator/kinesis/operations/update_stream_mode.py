"""UpdateStreamMode: switches between provisioned and on-demand mode. The shards stay unchanged.

If AWS's limits are enabled, a stream can be switched twice in 24 hours (Developer Guide, "Choose the right
mode").
"""

from __future__ import annotations

from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.update_stream_warm_throughput import check_warm
from emulator.kinesis.state.streams import Stream, StreamMode

MOST_A_DAY = 2
DAY_MS = 24 * 3_600_000


def update_stream_mode(call: Call) -> Output:
    """Switch the mode. The answer is empty."""
    stream = call.idle_stream()
    mode = cast("StreamMode", call.structure("StreamModeDetails")["StreamMode"])
    warm_mibps = call.number("WarmThroughputMiBps", 0) if "WarmThroughputMiBps" in call.request else None
    if warm_mibps is not None:
        check_warm(call, mode, warm_mibps)
    if mode == stream.mode:
        stream.start_update(None, call.now_ms)
        return None
    if call.store.limits.as_aws:
        _check_day(stream, call.now_ms)
    if mode == "ON_DEMAND":
        call.store.check_on_demand_limit(stream.scope, call.now_ms)
    else:
        call.store.check_shard_limit(stream.scope, len(stream.open_shards), call.now_ms)
    stream.switch_mode(mode, warm_mibps, call.now_ms)
    return None


def _check_day(stream: Stream, now_ms: int) -> None:
    if sum(at_ms > now_ms - DAY_MS for at_ms in stream.switched_ms) >= MOST_A_DAY:
        # AWS's message for this error is not published.
        raise errors.limit_exceeded(
            f"The capacity mode of stream {stream.name} under account {stream.scope.account} was switched "
            f"{MOST_A_DAY} times in the last 24 hours, which is the limit."
        )
