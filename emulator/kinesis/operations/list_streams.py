"""ListStreams: up to 100 streams, sorted by name.

The next page starts after `ExclusiveStartStreamName` or `NextToken`. The token has precedence.
"""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.protocol.wire import Time
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.tokens import pages

MOST_STREAMS = 100  # ListStreamsInput.Limit: "The default value is 100 … at most 100 results are returned"
_KIND = "streams"


def list_streams(call: Call) -> Output:
    """List the streams of the scope."""
    after = call.text("ExclusiveStartStreamName")
    if call.text("NextToken"):
        (token_after,) = pages.read(_KIND, call.text("NextToken"), call.now_ms, 1)
        after = str(token_after)
    streams = [stream for stream in call.store.streams(call.scope, call.now_ms) if stream.name > after]
    limit = min(call.number("Limit", MOST_STREAMS), MOST_STREAMS)
    page = streams[:limit]
    listed: dict[str, object] = {
        "StreamNames": [stream.name for stream in page],
        "StreamSummaries": [_summary(stream, call.now_ms) for stream in page],
        "HasMoreStreams": len(streams) > limit,
    }
    if len(streams) > limit:
        listed["NextToken"] = pages.make(_KIND, call.now_ms, page[-1].name)
    return listed


def _summary(stream: Stream, now_ms: int) -> dict[str, object]:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status(now_ms),
        "StreamModeDetails": {"StreamMode": stream.mode},
        "StreamCreationTimestamp": Time(stream.created_ms),
    }
