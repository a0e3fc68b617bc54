"""What AWS refuses, in its own words. Expected sentences are those of kinesalite's suite, run against AWS."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis import service
from emulator.kinesis.operations import OPERATIONS
from emulator.kinesis.protocol import wire
from emulator.kinesis.shapes import SHAPES
from emulator.kinesis.state.sequence_numbers import make
from emulator.kinesis.state.streams import Wanted
from emulator.kinesis.store import Store, StoreLimits
from emulator.kinesis.tokens import iterators
from emulator.kinesis.tokens.iterators import ShardIterator
from emulator.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
T0_MS = 1_700_000_000_000
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NAME_RULE = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"


def ask(
    operation: str, request: object, content_type: str = wire.CONTENT_TYPE, store: Store | None = None
) -> tuple[int, Any]:
    body = request if isinstance(request, bytes) else orjson.dumps(request)
    answer = service.answer(
        store or Store(), service.HttpRequest(operation, SCOPE, content_type, body), T0_MS
    )
    return answer.status, orjson.loads(answer.body or b"null")


def complaints(operation: str, request: object) -> list[str]:
    status, answer = ask(operation, request)
    assert (status, answer["__type"]) == (400, "ValidationException")
    count, _, rest = answer["message"].partition(" detected: ")
    sentences = rest.split("; ")
    plural = "s" if len(sentences) > 1 else ""
    assert count == f"{len(sentences)} validation error{plural}"
    return [sentence.replace(" failed to satisfy constraint: ", " ") for sentence in sentences]


def test_every_call_has_a_shape() -> None:
    assert SHAPES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("CreateStream", ["streamName"]),
        ("GetShardIterator", ["shardId", "shardIteratorType"]),
        ("GetRecords", ["shardIterator"]),
        ("PutRecord", ["partitionKey", "data"]),
        ("PutRecords", ["records"]),
    ],
)
def test_what_is_required_is_asked_for_in_the_order_of_aws(operation: str, expected: list[str]) -> None:
    assert complaints(operation, {}) == [
        f"Value null at '{field}' Member must not be null" for field in expected
    ]


def test_every_broken_limit_has_a_sentence() -> None:
    assert complaints(
        "GetShardIterator",
        {"StreamName": "", "ShardIteratorType": "", "ShardId": "", "StartingSequenceNumber": ""},
    ) == [
        f"Value '' at 'shardId' {NAME_RULE}",
        "Value '' at 'shardId' Member must have length greater than or equal to 1",
        "Value '' at 'shardIteratorType' Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, "
        "AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
        r"Value '' at 'startingSequenceNumber' Member must satisfy regular expression pattern: "
        r"0|([1-9]\d{0,128})",
        f"Value '' at 'streamName' {NAME_RULE}",
        "Value '' at 'streamName' Member must have length greater than or equal to 1",
    ]


def test_numbers_are_capped_before_they_are_shown() -> None:
    assert complaints("CreateStream", {"StreamName": "a" * 129, "ShardCount": 100_000_000_000}) == [
        "Value '2147483647' at 'shardCount' Member must have value less than or equal to 100000",
        f"Value '{'a' * 129}' at 'streamName' Member must have length less than or equal to 128",
    ]


def test_a_bad_record_is_named_by_its_number() -> None:
    good = {"PartitionKey": "k", "Data": ""}
    assert complaints(
        "PutRecords", {"StreamName": "s", "Records": [good, {"PartitionKey": "", "ExplicitHashKey": ""}]}
    ) == [
        "Value '' at 'records.2.member.partitionKey' Member must have length greater than or equal to 1",
        r"Value '' at 'records.2.member.explicitHashKey' Member must satisfy regular expression pattern: "
        r"0|([1-9]\d{0,38})",
        "Value null at 'records.2.member.data' Member must not be null",
    ]


def test_no_more_than_ten_things_are_said_at_once() -> None:
    records = [{"PartitionKey": "", "Data": ""}] * 501
    shown = ", ".join(["com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310"] * 501)
    found = complaints("PutRecords", {"StreamName": "", "Records": records})
    assert len(found) == 10
    assert found[0] == f"Value '[{shown}]' at 'records' Member must have length less than or equal to 500"
    assert found[9].startswith("Value '' at 'records.9.member.partitionKey'")


@pytest.mark.parametrize(
    ("operation", "field", "value", "message"),
    [
        ("PutRecord", "PartitionKey", True, "class java.lang.Boolean can not be converted to an String"),
        (
            "PutRecord",
            "PartitionKey",
            23,
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
        ),
        ("PutRecord", "PartitionKey", [], "Start of list found where not expected"),
        ("PutRecord", "Data", {}, "Start of structure or map found where not expected."),
        ("PutRecord", "Data", False, "class java.lang.Boolean can not be converted to a Blob"),
        (
            "PutRecord",
            "Data",
            "abcde",
            "'abcde' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes "
            "but found: 5",
        ),
        ("PutRecord", "Data", "ab_=", "'ab_=' can not be converted to a Blob: Invalid Base64 character: '_'"),
        ("PutRecords", "Records", "a", "Expected list or null"),
        ("PutRecords", "Records", [7], "Expected null"),
        ("PutRecords", "Records", [[]], "Start of list found where not expected"),
        ("GetRecords", "Limit", "1", "class java.lang.String can not be converted to an Integer"),
        (
            "GetShardIterator",
            "Timestamp",
            "1",
            "class java.lang.String can not be converted to milliseconds since epoch",
        ),
        ("GetRecords", "DryRun", "no", "'NO' can not be converted to an Boolean"),
        ("CreateStream", "Tags", 1, "Expected map or null"),
        ("CreateStream", "StreamModeDetails", "a", "Expected null"),
    ],
)
def test_a_value_of_another_type_is_refused_first(
    operation: str, field: str, value: object, message: str
) -> None:
    status, answer = ask(operation, {field: value})
    assert status == 400
    assert answer == {"__type": "SerializationException", "Message": message}


def test_a_null_is_an_absence() -> None:
    assert complaints("GetRecords", {"ShardIterator": None, "Limit": None}) == [
        "Value null at 'shardIterator' Member must not be null"
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b'"a"', b"\xff"])
def test_a_body_that_is_no_object_is_refused_without_a_word(body: bytes) -> None:
    assert ask("ListStreams", body) == (400, {"__type": "SerializationException"})


def test_an_operation_that_is_not_supported_is_unknown() -> None:
    status, answer = ask("MakeCoffee", {})
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert "MakeCoffee" in answer["message"]


def test_a_body_that_is_neither_json_nor_cbor_is_refused_by_its_type() -> None:
    status, answer = ask("ListStreams", b"<a/>", "text/xml; charset=utf-8")
    assert (status, answer["__type"]) == (400, "SerializationException")
    assert answer["Message"].endswith("not 'text/xml'.")
    assert ask("ListStreams", b"{}", f"{wire.CONTENT_TYPE}; charset=utf-8")[0] == 200


GOOD_VALUES: dict[str, object] = {
    "StreamName": "s",
    "ShardId": "shardId-000000000000",
    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
    "StartingSequenceNumber": str(make(1_700_000_000, 0, 2**63 - 1, 1_700_000_000)),
    "Data": "aGVsbG8=",
    "PartitionKey": "k",
    "Records": [{"Data": "aGVsbG8=", "PartitionKey": "k"}],
    "ShardIterator": iterators.make(ShardIterator("us-east-1", "s", T0_MS, 0, 1), T0_MS),
    "ShardFilter": {"Type": "AT_TIMESTAMP", "Timestamp": 1e300},
    "MaxResults": 1,
}


@given(st.data(), st.sampled_from(sorted(SHAPES)))
def test_no_request_breaks_the_service(data: st.DataObject, operation: str) -> None:
    """Good fields and bad ones, mixed, against a stream that is there."""
    store = Store(StoreLimits(transition_ms=0))
    store.create(SCOPE, Wanted("s", 2), T0_MS)
    names = st.sampled_from([member.name for member in SHAPES[operation]] or ["StreamName"])
    request = {name: value for name, value in GOOD_VALUES.items() if data.draw(st.booleans())}
    request |= data.draw(st.dictionaries(names, JSON_VALUES, max_size=2))
    status, answer = ask(operation, request, store=store)
    assert status in {200, 400}
    if status == 400:
        assert answer["__type"].endswith("Exception")
