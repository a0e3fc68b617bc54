"""ListStreamConsumers: up to 100 of a stream's consumers, sorted by name."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_consumer
from emulator.kinesis.tokens import pages

MOST_CONSUMERS = 100  # ListStreamConsumersInput.MaxResults: "at most 100 results are returned"
_KIND = "consumers"


def list_stream_consumers(call: Call) -> Output:
    """List consumers."""
    stream, after = call.stream(), ""
    created_ms = call.time_ms("StreamCreationTimestamp")
    if call.text("NextToken"):
        if created_ms is not None:
            raise errors.invalid_argument(
                "NextToken and StreamCreationTimestamp cannot be provided together."
            )
        *place, token_after = pages.read(_KIND, call.text("NextToken"), call.now_ms, 3)
        if place != [stream.arn, stream.created_ms]:
            raise errors.invalid_argument("NextToken is invalid.")
        after = str(token_after)
    if created_ms is not None and created_ms // 1000 != stream.created_ms // 1000:
        raise errors.stream_not_found(stream.name, call.scope.account)
    consumers = [each for each in stream.live_consumers(call.now_ms) if each.name > after]
    limit = min(call.number("MaxResults", MOST_CONSUMERS), MOST_CONSUMERS)
    page = consumers[:limit]
    listed: dict[str, object] = {"Consumers": [describe_consumer(each, call.now_ms) for each in page]}
    if len(consumers) > limit:
        listed["NextToken"] = pages.make(_KIND, call.now_ms, stream.arn, stream.created_ms, page[-1].name)
    return listed
