"""UpdateAccountSettings: enables or ends the minimum throughput billing commitment."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.describe_account_settings import describe_commitment


def update_account_settings(call: Call) -> Output:
    """Change the commitment and answer with it."""
    commitment = call.store.commitment(call.scope)
    wanted = call.structure("MinimumThroughputBillingCommitment")["Status"]
    changed = commitment.enabled(call.now_ms) if wanted == "ENABLED" else commitment.disabled(call.now_ms)
    call.store.set_commitment(call.scope, changed)
    return describe_commitment(changed, call.now_ms)
