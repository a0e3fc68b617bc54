"""PutResourcePolicy. Sentences that nobody has published are ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "Policy", "ResourceARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("PutResourcePolicy", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'policy' Member must not be null",
                "Value null at 'resourceARN' Member must not be null",
            ],
        ),
        (
            {"ResourceARN": "a", "Policy": "{}"},
            [
                (
                    "Value 'a' at 'resourceARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("PutResourcePolicy", **request_) == sentences


def policy(arn: str, *actions: str, account: str = "111122223333", effect: str = "Allow") -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_resource_that_nobody_has(kinesis: Api) -> None:
    arn = kinesis.arn("none")
    message = f"Stream {arn} under account {kinesis.account} not found."  # seen by moto
    assert kinesis.refusal("PutResourcePolicy", ResourceARN=arn, Policy="{}") == (
        "ResourceNotFoundException",
        message,
    )
    consumer = f"{arn}/consumer/c:1"
    message = f"Consumer {consumer}, account {kinesis.account} not found."
    assert kinesis.refusal("PutResourcePolicy", ResourceARN=consumer, Policy="{}") == (
        "ResourceNotFoundException",
        message,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"Statement": [1]}',
        '{"Statement": [{"Effect": "Perhaps", "Principal": "*", "Action": "kinesis:*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "kinesis:*"}]}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*"}]}',
        json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "a" * 20_480}]}),
    ],
)
def test_what_is_no_policy_is_refused(kinesis: Api, name: str, text: str) -> None:
    refused = kinesis.refusal("PutResourcePolicy", ResourceARN=kinesis.arn(name), Policy=text)
    assert refused[0] == "InvalidArgumentException"


def test_a_policy_replaces_the_one_before(kinesis: Api) -> None:
    name = kinesis.stream()
    for arn in (kinesis.arn(name), kinesis.consumer(name)):
        for action in ("kinesis:PutRecord", "kinesis:*"):
            text = policy(arn, action, account=kinesis.account)
            assert kinesis.call("PutResourcePolicy", ResourceARN=arn, Policy=text) == {}
            assert kinesis.call("GetResourcePolicy", ResourceARN=arn) == {"Policy": text}


def test_another_account_is_let_in_by_it_alone(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    name = api.stream()
    arn, owner, record = api.arn(name), api.account, {"Data": "", "PartitionKey": "k"}
    api.call("PutResourcePolicy", ResourceARN=arn, Policy=policy(arn, "kinesis:Put*"))
    api.account = "111122223333"
    api.call("PutRecord", StreamARN=arn, **record)
    assert api.refusal("DescribeStream", StreamARN=arn) == (
        "AccessDeniedException",
        "User: arn:aws:iam::111122223333:root is not authorized to perform: kinesis:DescribeStream on "
        f"resource: {arn} because no resource-based policy allows the kinesis:DescribeStream action",
    )
    assert api.refusal("PutRecord", StreamName=name, **record)[0] == "ResourceNotFoundException"
    api.account = "444455556666"
    assert api.refusal("PutRecord", StreamARN=arn, **record)[0] == "AccessDeniedException"
    api.account = owner
    api.call("PutResourcePolicy", ResourceARN=arn, Policy=policy(arn, "kinesis:*", effect="Deny"))
    api.account = "111122223333"
    assert api.refusal("PutRecord", StreamARN=arn, **record)[0] == "AccessDeniedException"


def test_a_consumer_must_be_active(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream()
    made = api.call("RegisterStreamConsumer", StreamARN=api.arn(name), ConsumerName="c")["Consumer"]
    refused = api.refusal("PutResourcePolicy", ResourceARN=made["ConsumerARN"], Policy="{}")
    assert refused[0] == "InvalidArgumentException"
    text = policy(made["ConsumerARN"], "kinesis:SubscribeToShard")
    refused = api.refusal("PutResourcePolicy", ResourceARN=made["ConsumerARN"], Policy=text)
    assert refused == (  # awslabs/kinesis-hot-shard-advisor#37
        "ResourceInUseException",
        f"Consumer c with creation timestamp {made['ConsumerCreationTimestamp']:.0f} under stream: {name} "
        f", account {api.account} is not in ACTIVE status.",
    )
