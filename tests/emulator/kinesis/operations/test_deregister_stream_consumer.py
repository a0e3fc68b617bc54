"""DeregisterStreamConsumer. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import Api, OwnApi


def test_a_consumer_is_deleting_then_gone_and_its_name_free(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=1000)
    name = api.stream()
    arn = api.consumer(name)
    assert api.call("DeregisterStreamConsumer", ConsumerARN=arn) == {}
    described = api.call("DescribeStreamConsumer", ConsumerARN=arn)["ConsumerDescription"]
    assert described["ConsumerStatus"] == "DELETING"
    assert api.refusal("DeregisterStreamConsumer", ConsumerARN=arn)[0] == "ResourceInUseException"
    api.now_ms += 1000
    assert api.refusal("DescribeStreamConsumer", ConsumerARN=arn)[0] == "ResourceNotFoundException"
    assert api.summary(name)["ConsumerCount"] == 0
    assert api.consumer(name) != arn
    assert api.refusal("DescribeStreamConsumer", ConsumerARN=arn)[0] == "ResourceNotFoundException"


def test_by_name(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.consumer(name)
    assert kinesis.call("DeregisterStreamConsumer", StreamARN=kinesis.arn(name), ConsumerName="c") == {}
