"""PutResourcePolicy: attaches the policy of a stream or a consumer, which allows calls of other accounts."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.policies import check_policy


def put_resource_policy(call: Call) -> Output:
    """Attach or replace the policy. The answer is empty."""
    stream, consumer = call.resource()
    check_policy(call.text("Policy"))
    if consumer is None:
        call.check_there(stream)
        stream.set_policy(call.text("Policy"))
        return None
    if consumer.status(call.now_ms) != "ACTIVE":
        raise errors.consumer_not_active(consumer, stream.name, stream.scope.account)
    consumer.set_policy(call.text("Policy"))
    return None
