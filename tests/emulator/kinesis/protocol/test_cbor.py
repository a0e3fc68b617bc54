"""CBOR as the Java SDKs speak it, beside JSON: one store, two ways to put, two ways to read."""

from __future__ import annotations

import base64
from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis import service
from emulator.kinesis.protocol import cbor, wire
from emulator.kinesis.protocol.record_texts import Writer, in_format, in_list
from emulator.kinesis.protocol.wire import Format, Time
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
T0_MS = 1_700_000_000_123
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


class Service:
    """Kinesis, called in either format; times come back as milliseconds."""

    def __init__(self) -> None:
        self.store = Store(StoreLimits(transition_ms=0))
        self.now_ms = T0_MS

    def raw(self, operation: str, body: bytes, format: Format = Format.CBOR) -> wire.Answer:
        request = service.HttpRequest(operation, SCOPE, format.value, body)
        return service.answer(self.store, request, self.now_ms)

    def ask(self, operation: str, request: dict[str, Any], format: Format = Format.CBOR) -> tuple[int, Any]:
        body = cbor2.dumps(request) if format is Format.CBOR else orjson.dumps(request)
        answer = self.raw(operation, body, format)
        assert answer.format is format
        assert isinstance(answer.body, bytes)
        if not answer.body:
            return answer.status, None
        return answer.status, loads(answer.body) if format is Format.CBOR else orjson.loads(answer.body)

    def read(self, format: Format, limit: int = 100) -> dict[str, Any]:
        wanted = {"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}
        iterator = self.ask("GetShardIterator", wanted, format)[1]["ShardIterator"]
        answer: dict[str, Any] = self.ask("GetRecords", {"ShardIterator": iterator, "Limit": limit}, format)[
            1
        ]
        return answer


def loads(raw: bytes) -> Any:
    """Decode as the Java SDK does: a time is a tag around milliseconds."""
    return cbor2.loads(raw, semantic_decoders={1: lambda value, _: Time(value)})


@pytest.fixture
def kinesis() -> Service:
    made = Service()
    assert made.ask("CreateStream", {"StreamName": "s", "ShardCount": 1}) == (200, None)
    return made


def test_a_record_put_in_either_format_is_read_in_both(kinesis: Service) -> None:
    records = [(bytes(range(256)) * 5, "k"), (b"", 'é✓\U0001f600"\\'), (b"x", "k" * 256)]
    for data, key in records:
        status, put = kinesis.ask("PutRecord", {"StreamName": "s", "Data": data, "PartitionKey": key})
        assert (status, put["ShardId"], len(put["SequenceNumber"])) == (200, "shardId-000000000000", 56)
    text = [{"Data": base64.b64encode(data).decode(), "PartitionKey": key} for data, key in records]
    assert kinesis.ask("PutRecords", {"StreamName": "s", "Records": text}, Format.JSON)[0] == 200
    as_cbor, as_json = kinesis.read(Format.CBOR), kinesis.read(Format.JSON)
    assert [(r["Data"], r["PartitionKey"]) for r in as_cbor["Records"]] == records * 2
    assert [(base64.b64decode(r["Data"]), r["PartitionKey"]) for r in as_json["Records"]] == records * 2
    assert [r["SequenceNumber"] for r in as_cbor["Records"]] == [
        r["SequenceNumber"] for r in as_json["Records"]
    ]
    assert {r["ApproximateArrivalTimestamp"].ms for r in as_cbor["Records"]} == {T0_MS}
    assert {r["ApproximateArrivalTimestamp"] for r in as_json["Records"]} == {T0_MS / 1000}
    assert as_cbor["MillisBehindLatest"] == as_json["MillisBehindLatest"] == 0


def test_put_records_answers_each_in_order(kinesis: Service) -> None:
    records = [{"Data": b"%d" % number, "PartitionKey": str(number)} for number in range(30)]
    status, put = kinesis.ask("PutRecords", {"StreamName": "s", "Records": records})
    assert (status, put["FailedRecordCount"]) == (200, 0)
    numbers = [result["SequenceNumber"] for result in put["Records"]]
    assert numbers == sorted(set(numbers))
    assert [r["SequenceNumber"] for r in kinesis.read(Format.CBOR)["Records"]] == numbers


def test_a_time_in_a_request_is_milliseconds(kinesis: Service) -> None:
    kinesis.ask("PutRecord", {"StreamName": "s", "Data": b"early", "PartitionKey": "k"})
    kinesis.now_ms += 60_000
    kinesis.ask("PutRecord", {"StreamName": "s", "Data": b"late", "PartitionKey": "k"})
    wanted = {
        "StreamName": "s",
        "ShardId": "0",
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": cbor2.CBORTag(1, T0_MS + 1),
    }
    iterator = kinesis.ask("GetShardIterator", wanted)[1]["ShardIterator"]
    (record,) = kinesis.ask("GetRecords", {"ShardIterator": iterator})[1]["Records"]
    assert (record["Data"], record["ApproximateArrivalTimestamp"].ms) == (b"late", T0_MS + 60_000)


def test_a_time_in_an_answer_is_tag_one_around_milliseconds(kinesis: Service) -> None:
    answer = kinesis.raw("DescribeStreamSummary", cbor2.dumps({"StreamName": "s"}))
    assert isinstance(answer.body, bytes)
    assert b"\x77StreamCreationTimestamp\xc1\x1b" + T0_MS.to_bytes(8, "big") in answer.body


def test_an_error_is_in_the_format_of_its_request(kinesis: Service) -> None:
    for format in Format:
        status, body = kinesis.ask("DescribeStream", {"StreamName": "t"}, format)
        assert (status, body["__type"]) == (400, "ResourceNotFoundException")
        assert body["message"] == "Stream t under account 000000000000 not found."


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"\x81\x00",
        b"\x01",
        b"\xa1",
        b"\xa1\x01\x02",
        b"\xa1\xa0\x01",
        b"\xa1\x61a\xf7",
        b"\xa1\x61a\xf9\x7e\x00",
        b"\xa1\x61a\xd8\x1c\x81\xd8\x1d\x00",
        b"\xa1\x61a\xc0\x61x",
        b"\xa1\x61a\xc1\x61x",
        b"\xa1\x61a" + b"\x81" * 5000,
        b"\xa1\x61a\xd9\x01\x02\x80",
        b"\xbb" + b"\xff" * 8,
        b"\x5b\x7f" + b"\xff" * 7,
    ],
)
def test_what_no_client_says_is_refused(kinesis: Service, raw: bytes) -> None:
    answer = kinesis.raw("PutRecord", raw)
    assert (answer.status, answer.body) == (400, cbor2.dumps({"__type": "SerializationException"}))


def test_a_blob_where_a_text_belongs_is_refused(kinesis: Service) -> None:
    for wrong in ({"StreamName": b"s"}, {"StreamName": "s", "Limit": b"1"}):
        status, body = kinesis.ask("DescribeStream", wrong)
        assert (status, body["__type"]) == (400, "SerializationException")


@given(VALUES)
def test_what_is_plain_comes_back_the_same(value: Any) -> None:
    assert cbor.loads(cbor2.dumps({"v": value})) == {"v": value}


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_refused(raw: bytes) -> None:
    try:
        cbor.loads(raw)
    except cbor.BadCbor:
        return


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.text(min_size=1, max_size=256)), max_size=4),
    st.sampled_from(["", "KMS"]),
    st.integers(0, 2**42),
)
def test_a_records_text_means_the_same_in_both_formats(
    records: list[tuple[bytes, str]], encryption: str, at_ms: int
) -> None:
    number = b"4" + b"9" * 55
    as_json, as_cbor = Writer(Format.JSON, at_ms, encryption), Writer(Format.CBOR, at_ms, encryption)
    json_texts = [as_json.write(number, key, base64.b64encode(data).decode()) for data, key in records]
    cbor_texts = [as_cbor.write(number, key, data) for data, key in records]
    assert [orjson.loads(text) for text in in_format(cbor_texts, Format.JSON)] == [
        orjson.loads(text) for text in json_texts
    ]
    for texts in (json_texts, cbor_texts):
        listed = loads(in_list(b"\xa1\x61r", list(texts), b"", Format.CBOR))["r"]
        assert [(r["Data"], r["PartitionKey"]) for r in listed] == records
        assert all(r["ApproximateArrivalTimestamp"].ms == at_ms for r in listed)
        assert all(r.get("EncryptionType", "") == encryption for r in listed)
