"""UpdateStreamRecordDistributionStrategy: by partition key, or evenly. It takes effect at once."""

from __future__ import annotations

from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.state.streams import Strategy


def update_stream_record_distribution_strategy(call: Call) -> Output:
    """Change the strategy. The answer is empty."""
    stream = call.stream()
    if stream.mode != "ON_DEMAND":
        raise errors.strategy_needs_on_demand()
    call.check_there(stream)
    stream.set_strategy(cast("Strategy", call.text("RecordDistributionStrategy")))
    return None
