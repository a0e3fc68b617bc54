"""A request of Firehose is understood whole, or refused with a sentence; its records one by one."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from connectors.firehose.body import (
    BODY_MAX_BYTES,
    RECORDS_MAX,
    TEXT_MAX_BYTES,
    Posted,
    inflate,
    read_body,
    remains,
)
from connectors.firehose.headers import MESSAGE_MAX_CHARACTERS, Head, Origin, Refused, answer, read_head
from connectors.formats.envelope import control_message, wrap_subscription
from connectors.kafka.blocks import BLOCK_MAX_BYTES
from tests.build import aggregate, block, line

ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flows"
ID = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
HEADERS = {
    "X-Amz-Firehose-Protocol-Version": "1.0",
    "X-Amz-Firehose-Request-Id": ID,
    "X-Amz-Firehose-Source-Arn": ARN,
}
DEFAULTS = Origin("", "default", "", "")
HEAD = Head(ID, Origin("flows", "default", "111122223333", "eu-west-1"), False, ())
NOW_MS = 1_700_000_000_000


def head(**changed: str | None) -> Head | Refused:
    """Read a head whose headers, named without `X-Amz-Firehose-`, are changed, or taken away by None."""
    changes = {name.replace("_", "-"): value for name, value in changed.items()}
    named = {
        (name if name.startswith("Content") else f"X-Amz-Firehose-{name}"): value
        for name, value in changes.items()
    }
    return read_head({n: v for n, v in {**HEADERS, **named}.items() if v is not None}, DEFAULTS)


def attributes(**given: Any) -> str:
    return orjson.dumps({"commonAttributes": given}).decode()


def body(*records: bytes, **more: Any) -> bytes:
    data = [{"data": pybase64.b64encode(record).decode()} for record in records]
    return orjson.dumps({"requestId": ID, "timestamp": 5, "records": data, **more})


def posted(*records: bytes, **more: Any) -> Posted:
    found = read_body(body(*records, **more), HEAD, NOW_MS)
    assert isinstance(found, Posted), found
    return found


def refused(raw: bytes, *, is_gzip: bool = False) -> Refused:
    found = read_body(raw, Head(ID, HEAD.origin, is_gzip, ()), NOW_MS)
    assert isinstance(found, Refused), found
    return found


def test_a_head_says_where_lines_are_from() -> None:
    assert head() == HEAD
    assert head(Content_Encoding="gzip") == Head(ID, HEAD.origin, True, ())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"Request_Id": None}, "X-Amz-Firehose-Request-Id is missing"),
        ({"Request_Id": ""}, "X-Amz-Firehose-Request-Id is missing"),
        ({"Request_Id": "a" * 129}, "X-Amz-Firehose-Request-Id is missing"),
        ({"Request_Id": "a b"}, "X-Amz-Firehose-Request-Id is missing"),
        ({"Request_Id": "é"}, "X-Amz-Firehose-Request-Id is missing"),
        ({"Protocol_Version": None}, "X-Amz-Firehose-Protocol-Version is ''"),
        ({"Protocol_Version": "2.0"}, "X-Amz-Firehose-Protocol-Version is '2.0'"),
        ({"Content_Encoding": "br"}, "Content-Encoding 'br'"),
        ({"Content_Encoding": "gzip, gzip"}, "Content-Encoding 'gzip, gzip'"),
    ],
)
def test_a_head_that_is_not_firehoses_is_refused(changed: dict[str, str | None], sentence: str) -> None:
    found = head(**changed)
    assert isinstance(found, Refused)
    assert (found.status, found.why) == (400, "malformed")
    assert found.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("text", "origin", "ignored"),
    [
        (attributes(), HEAD.origin, ()),
        (attributes(region="eu-north-1"), Origin("flows", "default", "111122223333", "eu-north-1"), ()),
        (attributes(account="999999999999"), Origin("flows", "default", "999999999999", "eu-west-1"), ()),
        (
            attributes(format="${version} ${start}"),
            Origin("flows", "${version} ${start}", "111122223333", "eu-west-1"),
            (),
        ),
        (attributes(team="blue"), HEAD.origin, ()),
        (attributes(format=""), HEAD.origin, ("format",)),
        (attributes(format="version version"), HEAD.origin, ("format",)),
        (attributes(account="12"), HEAD.origin, ("account",)),
        (attributes(account=123456789012), HEAD.origin, ("account",)),
        (attributes(account="١٢٣٤٥٦٧٨٩٠١٢"), HEAD.origin, ("account",)),
        (attributes(region="here", account="999999999999"), None, ("region",)),
        ("{", HEAD.origin, ("common attributes",)),
        ("[]", HEAD.origin, ("common attributes",)),
        ('{"commonAttributes": null}', HEAD.origin, ("common attributes",)),
        ('{"commonAttributes": 7}', HEAD.origin, ("common attributes",)),
        ("\udcff", HEAD.origin, ("common attributes",)),
    ],
)
def test_common_attributes_say_what_a_line_does_not(
    text: str, origin: Origin | None, ignored: tuple[str, ...]
) -> None:
    """Bad ones are ignored, and named so that they can be counted."""
    found = head(Common_Attributes=text)
    assert isinstance(found, Head)
    expected = origin or Origin("flows", "default", "999999999999", "eu-west-1")
    assert (found.origin, found.ignored) == (expected, ignored)


def test_attributes_come_before_settings_and_settings_before_the_arn() -> None:
    defaults = Origin("", "version start", "444455556666", "")
    plain = read_head(HEADERS, defaults)
    assert isinstance(plain, Head)
    assert plain.origin == Origin("flows", "version start", "444455556666", "eu-west-1")
    told = {"X-Amz-Firehose-Common-Attributes": attributes(format="version", account="777788889999")}
    found = read_head({**HEADERS, **told}, defaults)
    assert isinstance(found, Head)
    assert found.origin == Origin("flows", "version", "777788889999", "eu-west-1")


@pytest.mark.parametrize("arn", [None, "", "arn:aws:s3:::bucket", ARN + "/../x", ARN + "\n"])
def test_a_stream_without_an_arn_is_unknown(arn: str | None) -> None:
    found = head(Source_Arn=arn)
    assert isinstance(found, Head)
    assert (found.origin, found.ignored) == (Origin("unknown", "default", "", ""), ("source arn",))


def test_records_become_chunks_with_their_places() -> None:
    found = posted(line(), b"2 b\n2 c\n", timestamp=1_600_000_000_000)
    (chunk,) = found.chunks
    assert chunk.text == line() + b"\n2 b\n2 c"
    assert (chunk.first, chunk.last) == (f"{ID}/0", f"{ID}/1")
    assert (found.arrival_ms, found.records, found.size) == (1_600_000_000_000, 2, len(chunk.text))


@pytest.mark.parametrize(
    "record",
    [
        b"2 a\n2 b",
        b'{"message":"2 a"}\n{"message":"2 b"}\n',
        wrap_subscription("stream", [("1", 1, "2 a"), ("2", 2, "2 b")]),
        wrap_subscription("stream", [("1", 1, "2 a")]) + wrap_subscription("stream", [("2", 2, "2 b")]),
        gzip.compress(b"2 a\n2 b\n", mtime=0),
    ],
)
def test_a_record_may_hold_several_lines_in_any_envelope(record: bytes) -> None:
    found = posted(record)
    assert [chunk.text for chunk in found.chunks] == [b"2 a\n2 b"]
    assert found.refusals == ()


def test_what_cannot_be_understood_is_put_together_by_reason() -> None:
    long = b"x" * (BLOCK_MAX_BYTES + 1)
    found = posted(b"", b"2 a", gzip.compress(b"x")[:-4], b"", long + b"\n2 b", control_message())
    assert [chunk.text for chunk in found.chunks] == [b"2 a\n2 b"]
    assert [(r.why, r.data, r.count, r.origin) for r in found.refusals] == [
        ("empty record", b"\n", 2, f"firehose:flows@{ID}/0"),
        ("truncated gzip", gzip.compress(b"x")[:-4], 1, f"firehose:flows@{ID}/2"),
        ("line too long", long, 1, f"firehose:flows@{ID}/4"),
    ]
    assert (found.control, found.records) == (1, 6)


def test_chunks_are_no_longer_than_a_block() -> None:
    records = [b"%d" % n * 100_000 for n in range(10, 40)]
    found = posted(*records)
    assert max(len(chunk.text) for chunk in found.chunks) <= BLOCK_MAX_BYTES
    assert b"\n".join(chunk.text for chunk in found.chunks) == b"\n".join(records)
    places = [int(place.rpartition("/")[2]) for c in found.chunks for place in (c.first, c.last)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 29)


@pytest.mark.parametrize("timestamp", [None, "5", 5.5, True, -1, 0, 1 << 53])
def test_a_time_that_is_none_is_now(timestamp: object) -> None:
    assert posted(line(), timestamp=timestamp).arrival_ms == NOW_MS


def test_no_records_are_a_request_too() -> None:
    assert posted() == Posted(ID, HEAD.origin, 5, (), (), 0, 0, 0)


DEEP = b'{"requestId":"%b","records":' % ID.encode() + b"[" * 2000 + b"]" * 2000 + b"}"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (body(line())[:-1], "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (DEEP, "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b"null", "the body is not a JSON object"),
        (b"{}", "the body's requestId is not that of X-Amz-Firehose-Request-Id"),
        (body(requestId="other"), "the body's requestId is not that of X-Amz-Firehose-Request-Id"),
        (body(requestId=None), "the body's requestId is not that of X-Amz-Firehose-Request-Id"),
        (body(requestId=[ID]), "the body's requestId is not that of X-Amz-Firehose-Request-Id"),
        (body(records=None), "`records` is no list of at most 10000 records"),
        (body(records={}), "`records` is no list of at most 10000 records"),
        (body(*[b""] * (RECORDS_MAX + 1)), "`records` is no list of at most 10000 records"),
        (body(records=[1]), "a record is not an object whose `data` is base64"),
        (body(records=[{}]), "a record is not an object whose `data` is base64"),
        (body(records=[{"data": None}]), "a record is not an object whose `data` is base64"),
        (body(records=[{"data": "a"}]), "a record is not an object whose `data` is base64"),
        (body(records=[{"data": "YQ==YQ"}]), "a record is not an object whose `data` is base64"),
        (body(records=[{"data": "Y Q = ="}]), "a record is not an object whose `data` is base64"),
        (body(records=[{"data": "é"}]), "a record is not an object whose `data` is base64"),
        (body(line(), records=[{"data": "YQ=="}, ["YQ=="]]), "a record is not an object"),
        (b"[" + b"{}," * 200_000 + b"{}]", "the body holds more values than 10000 records do"),
        (b"[" * 300_000, "the body holds more values than 10000 records do"),
    ],
)
def test_a_body_that_is_no_request_is_refused(raw: bytes, sentence: str) -> None:
    found = refused(raw)
    assert (found.status, found.why) == (400, "malformed")
    assert found.sentence.startswith(sentence)


def test_as_many_records_as_aws_sends_are_taken() -> None:
    assert posted(*[b"2 a"] * RECORDS_MAX).records == RECORDS_MAX


@pytest.mark.parametrize(
    "raw",
    [
        body(line()),
        gzip.compress(body(line()), mtime=0)[:-1],
        gzip.compress(body(line()), mtime=0) + b"more",
        gzip.compress(body(line()), mtime=0)[:20] + b"\xff" * 40,
        zlib.compress(body(line())),
        b"",
    ],
)
def test_a_body_that_is_not_the_gzip_it_says_is_refused(raw: bytes) -> None:
    assert refused(raw, is_gzip=True).why == "malformed"


def test_a_gzip_body_is_inflated() -> None:
    found = read_body(gzip.compress(body(line())), Head(ID, HEAD.origin, True, ()), NOW_MS)
    assert isinstance(found, Posted)
    assert found.chunks[0].text == line()


@pytest.mark.parametrize(("size", "is_taken"), [(1000, True), (1001, False), (100_000, False)])
def test_a_body_is_inflated_up_to_its_cap(size: int, is_taken: bool) -> None:
    found = inflate(gzip.compress(bytes(size)), 1000)
    assert isinstance(found, bytes) == is_taken
    if isinstance(found, Refused):
        assert (found.status, found.why) == (400, "too large")


@pytest.mark.bulk
def test_a_bomb_of_a_body_is_refused_with_400() -> None:
    found = refused(igzip.compress(bytes(BODY_MAX_BYTES + 1), 1), is_gzip=True)
    assert (found.status, found.why) == (400, "too large")


@pytest.mark.bulk
def test_records_that_inflate_beyond_a_transaction_refuse_the_request() -> None:
    """Each is within the cap of a record; together they are more than one transaction should hold."""
    large = igzip.compress(b"2 a\n" * (5 << 20), 1)  # 20 MiB
    within, beyond = TEXT_MAX_BYTES // (20 << 20), TEXT_MAX_BYTES // (20 << 20) + 1
    assert posted(*[large] * within).size > TEXT_MAX_BYTES - (20 << 20) - within
    found = refused(body(*[large] * beyond))
    assert (found.status, found.why) == (400, "too large")


@pytest.mark.bulk
def test_bombs_among_records_are_inflated_a_few_times_only() -> None:
    """One is a record that is refused; many refuse the request, or each would cost its cap."""
    bomb = igzip.compress(bytes(64 << 20), 1)
    assert [r.why for r in posted(line(), bomb).refusals] == ["inflates beyond the cap"]
    assert refused(body(*[bomb] * 1000)).why == "too large"


def test_what_is_left_of_a_refused_request_is_no_request() -> None:
    left = remains(b"{broken", HEAD, refused(b"{broken"), NOW_MS)
    assert (left.request_id, left.chunks, left.records) == ("", (), 0)
    assert [(r.why, r.data, r.origin) for r in left.refusals] == [
        ("malformed", b"{broken", f"firehose:flows@{ID}")
    ]


def test_an_answer_is_aws() -> None:
    assert orjson.loads(answer(ID, 5)) == {"requestId": ID, "timestamp": 5}
    assert orjson.loads(answer(ID, 5, "No.")) == {"requestId": ID, "timestamp": 5, "errorMessage": "No."}
    assert len(orjson.loads(answer(ID, 5, "x" * 9999))["errorMessage"]) == MESSAGE_MAX_CHARACTERS


@given(st.lists(st.text("ab 2\n", min_size=1).map(str.encode)), st.booleans())
def test_every_line_of_every_record_is_in_the_chunks(records: list[bytes], is_gzip: bool) -> None:
    raw = gzip.compress(body(*records)) if is_gzip else body(*records)
    found = read_body(raw, Head(ID, HEAD.origin, is_gzip, ()), NOW_MS)
    assert isinstance(found, Posted)
    expected = [text for record in records for text in record.split(b"\n") if text]
    assert [t for c in found.chunks for t in c.text.split(b"\n") if t] == expected


@given(st.binary() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(orjson.dumps))
def test_any_bytes_are_refused_with_a_sentence(raw: bytes) -> None:
    for is_gzip in (False, True):
        found = refused(raw, is_gzip=is_gzip)
        assert found.status == 400
        assert found.sentence


@given(st.dictionaries(st.sampled_from([*HEADERS, "X-Amz-Firehose-Common-Attributes"]), st.text()))
def test_any_headers_are_understood_or_refused(headers: dict[str, str]) -> None:
    found = read_head({**HEADERS, **headers}, DEFAULTS)
    assert isinstance(found, Head) or found.status == 400


def test_lines_have_the_format_and_account_of_their_log_group() -> None:
    records = [
        wrap_subscription("eni-1-all", [("1", 1, "5 eni-1")], owner="999900001111", log_group="short"),
        line(),
    ]
    head = Head(ID, Origin("flows", "default", "", "eu-west-1"), False, ())
    found = read_body(body(*records), head, NOW_MS, {"short": "version interface-id"})
    assert isinstance(found, Posted)
    assert [(c.text, c.origin.line_format, c.origin.account) for c in found.chunks] == [
        (b"5 eni-1", "version interface-id", "999900001111"),
        (line(), "default", ""),
    ]
    assert found.log_groups == {"short"}


def test_a_bad_user_record_of_an_aggregate_is_refused_alone() -> None:
    found = posted(aggregate(line(), b"\x1f\x8b", line()))
    assert [chunk.text for chunk in found.chunks] == [block(line(), line())]
    assert [(r.why, r.data, r.count) for r in found.refusals] == [("truncated gzip", b"\x1f\x8b", 1)]
