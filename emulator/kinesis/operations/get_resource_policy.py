"""GetResourcePolicy: the policy of a stream or a consumer. Without a policy, it is an empty object."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.policies import NO_POLICY


def get_resource_policy(call: Call) -> Output:
    """Answer with the policy."""
    stream, consumer = call.resource()
    return {"Policy": (stream if consumer is None else consumer).policy or NO_POLICY}
