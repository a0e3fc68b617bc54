"""DescribeAccountSettings: the account's minimum throughput billing commitment in the Region."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.protocol.wire import Time
from emulator.kinesis.state.settings import Commitment


def describe_account_settings(call: Call) -> Output:
    """Describe the settings."""
    return describe_commitment(call.store.commitment(call.scope), call.now_ms)


def describe_commitment(commitment: Commitment, now_ms: int) -> dict[str, object]:
    """Return a commitment in the format of both calls."""
    status = commitment.status(now_ms)
    times = {"StartedAt": commitment.started_ms, "EarliestAllowedEndAt": commitment.earliest_end_ms}
    if status == "DISABLED":
        times["EndedAt"] = commitment.ended_ms
    described = {field: Time(at_ms) for field, at_ms in times.items() if at_ms is not None}
    return {"MinimumThroughputBillingCommitment": {"Status": status, **described}}
