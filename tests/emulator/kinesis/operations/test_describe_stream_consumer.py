"""DescribeStreamConsumer. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api


def test_by_arn_or_by_name(kinesis: Api) -> None:
    name = kinesis.stream()
    arn = kinesis.consumer(name)
    by_arn = kinesis.call("DescribeStreamConsumer", ConsumerARN=arn)["ConsumerDescription"]
    assert by_arn.pop("ConsumerCreationTimestamp") > 1e9
    assert by_arn == {
        "ConsumerName": "c",
        "ConsumerARN": arn,
        "ConsumerStatus": "ACTIVE",
        "StreamARN": kinesis.arn(name),
    }
    by_name = kinesis.call("DescribeStreamConsumer", StreamARN=kinesis.arn(name), ConsumerName="c")
    assert by_name["ConsumerDescription"]["ConsumerARN"] == arn
