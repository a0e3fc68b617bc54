"""DeleteResourcePolicy: detaches the policy of a stream or a consumer."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.policies import no_such_policy


def delete_resource_policy(call: Call) -> Output:
    """Detach the policy. The answer is empty."""
    stream, consumer = call.resource()
    resource = stream if consumer is None else consumer
    if not resource.policy:
        raise no_such_policy(call.text("ResourceARN"))
    resource.set_policy("")
    return None
