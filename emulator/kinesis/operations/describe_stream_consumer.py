"""DescribeStreamConsumer: a consumer, by ARN or by stream and name."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_consumer


def describe_stream_consumer(call: Call) -> Output:
    """Describe a consumer."""
    stream, consumer = call.consumer()
    return {"ConsumerDescription": {**describe_consumer(consumer, call.now_ms), "StreamARN": stream.arn}}
