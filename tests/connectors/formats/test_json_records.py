"""JSON in records: the shapes that are read, and the name of every other shape."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.envelope import control_message, unwrap
from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, log_format
from connectors.formats.texts import Unwrapped
from tests.build import aggregate, block, line
from tests.connectors.formats.test_headers import SWAPPED_HEADER, SWAPPED_LINE, totals

T = 1_790_000_040
ENI = "eni-0c0ffee0c0ffee001"
ROW: dict[str, object] = {
    "version": 2,
    "account_id": "111122223333",
    "interface_id": ENI,
    "srcaddr": "10.8.0.4",
    "dstaddr": "10.8.0.9",
    "srcport": 40112,
    "dstport": 443,
    "protocol": 6,
    "packets": 7.0,
    "bytes": 980.0,
    "start": T,
    "end": T + 42,
    "action": "ACCEPT",
    "log_status": "OK",
}
CAMEL = {
    "version": "2",
    "accountId": "111122223333",
    "interfaceId": ENI,
    "srcAddr": "10.8.0.4",
    "dstAddr": "10.8.0.9",
    "srcPort": "40112",
    "dstPort": "443",
    "protocol": "6",
    "packets": "7",
    "bytes": "980",
    "start": str(T),
    "end": str(T + 42),
    "action": "ACCEPT",
    "logStatus": "OK",
}
HYPHENS = {key.replace("_", "-"): value for key, value in ROW.items()}
LINE = f"2 111122223333 {ENI} 10.8.0.4 10.8.0.9 40112 443 6 7 980 {T} {T + 42} ACCEPT OK"
FLOW = (1, 7, 980)


def envelope(*messages: object, group: str = "flows") -> bytes:
    return orjson.dumps(
        {
            "messageType": "DATA_MESSAGE",
            "owner": "111122223333",
            "logGroup": group,
            "logStream": "x",
            "subscriptionFilters": ["x"],
            "logEvents": [{"id": str(i), "timestamp": i, "message": m} for i, m in enumerate(messages)],
        }
    )


def pretty(data: bytes) -> bytes:
    return json.dumps(orjson.loads(data), indent=2).encode()


def flows(found: Unwrapped) -> tuple[int, int, int]:
    assert found.refused is None
    assert not found.refused_parts
    return totals([(text.line_format or "default", text.lines) for text in found.texts])


ROWS: dict[str, object] = {
    "snake case": ROW,
    "camel case and texts, as parseVPC writes": CAMEL,
    "hyphens": HYPHENS,
    "Pascal case": {key[0].upper() + key[1:]: value for key, value in CAMEL.items()},
    "numbers as texts of floats": ROW | {"packets": "7.0", "bytes": "980.00", "start": f"{T}.0"},
    "in another order": dict(reversed(ROW.items())),
    "with fields of CloudWatch": CAMEL
    | {"@timestamp": "x", "@aws.account": "1", "@message": LINE, "tags": {"a": 1}},
    "with a field of tomorrow": ROW | {"src_zone": "zone 1"},
    "with a null": ROW | {"end": None, "srcaddr": ""},
}
rows = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())

WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "alone": bytes,
    "pretty-printed": pretty,
    "in an array": lambda row: b"[" + row + b"]",
    "after a newline": lambda row: b"\r\n " + row + b"\n",
    "after a BOM": lambda row: b"\xef\xbb\xbf" + row,
    "in an event": lambda row: envelope(row.decode()),
    "in an event, pretty-printed": lambda row: envelope(pretty(row).decode()),
    "as an event": lambda row: envelope(orjson.loads(row)),
    "in Firehose's message": lambda row: orjson.dumps({"message": row.decode()}),
    "as Firehose's message": lambda row: orjson.dumps({"message": orjson.loads(row)}),
    "gzip": gzip.compress,
    "base64": pybase64.b64encode,
    "in an aggregate": aggregate,
    "UTF-16": lambda row: row.decode().encode("utf-16"),
    "gzip of UTF-16": lambda row: gzip.compress(row.decode().encode("utf-16")),
}


@rows
@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED.keys())
def test_json_rows_with_aws_field_names_are_read(row: object, wrap: Callable[[bytes], bytes]) -> None:
    assert flows(unwrap(wrap(orjson.dumps(row)))) == FLOW


BETWEEN = {
    "nothing": b"",
    "newlines": b"\n",
    "CRLF and blank lines": b"\r\n\r\n",
    "spaces": b"  ",
    "BOM": b"\n\xef\xbb\xbf",
}
separators = pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN.keys())


@separators
@pytest.mark.parametrize("shape", [bytes, pretty], ids=["compact", "pretty-printed"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, pybase64.b64encode], ids=["plain", "gzip", "base64"])
def test_json_envelopes_without_separators_are_read(
    between: bytes, shape: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> None:
    control = gzip.decompress(control_message())
    texts = [shape(one) for one in (envelope(LINE), control, envelope(LINE, LINE, group="others"))]
    found = unwrap(pack(between.join(texts)))
    assert flows(found) == (3, 21, 2940)
    assert found.control == 1
    assert [(text.log_group, text.account) for text in found.texts] == [
        ("flows", "111122223333"),
        ("others", "111122223333"),
    ]


@separators
def test_rows_and_messages_follow_each_other_in_any_way(between: bytes) -> None:
    values = [ROW, CAMEL, {"message": LINE}, [ROW, CAMEL], {"message": orjson.dumps(CAMEL).decode()}]
    assert flows(unwrap(between.join(map(orjson.dumps, values)))) == (6, 42, 5880)


def test_a_string_may_hold_what_looks_like_a_separator() -> None:
    first = orjson.dumps(ROW | {"instance_id": '}{"a":1}\n{'})
    assert flows(unwrap(first + orjson.dumps(ROW))) == (2, 14, 1960)


def test_a_row_becomes_a_line_of_a_format_of_exactly_its_fields() -> None:
    assert [text[:2] for text in unwrap(orjson.dumps(ROW)).texts] == [
        (LINE.encode(), log_format(DEFAULT_FORMAT))
    ]
    some = {"interfaceId": ENI, "bytes": 1, "newField": "a b", "start": T, "tcpFlags": 2}
    (text,) = unwrap(orjson.dumps(some)).texts
    assert text.line_format == log_format(("interface-id", "bytes", "start", "tcp-flags", "new-field"))
    assert text.lines == f"{ENI} 1 {T} 2 a_b".encode()


def test_rows_of_the_same_fields_share_a_format_whatever_their_order() -> None:
    other = {key: value for key, value in ROW.items() if key != "end"}
    found = unwrap(b"".join(map(orjson.dumps, [ROW, other, CAMEL, dict(reversed(other.items()))])))
    assert [text.lines.count(b"\n") + 1 for text in found.texts] == [2, 2]


@given(st.sampled_from(sorted(FIELD_VERSIONS)))
def test_every_documented_field_is_known_in_every_spelling(name: str) -> None:
    first, *more = name.split("-")
    for key in (name, name.replace("-", "_"), first + "".join(part.capitalize() for part in more)):
        others = {"version": 2, "interface-id": ENI, "bytes": 1, "start": T}
        row = {other: value for other, value in others.items() if other != name} | {key: "5"}
        (text,) = unwrap(orjson.dumps(row)).texts
        assert f"${{{name}}}" in text.line_format


def test_events_of_lines_and_of_rows_share_an_envelope_and_a_bad_one_is_refused_alone() -> None:
    found = unwrap(envelope(LINE, orjson.dumps(CAMEL).decode(), '{"level": "info"}', '{"broken', LINE))
    assert totals([(text.line_format or "default", text.lines) for text in found.texts]) == (3, 21, 2940)
    assert found.refused_parts == (
        (2, "JSON object that is not a flow log", b'{"level": "info"}'),
        (3, "broken JSON", b'{"broken'),
    )


@pytest.mark.parametrize("between", [orjson.dumps(ROW).decode(), '{"level": "info"}'])
def test_a_header_among_events_applies_to_the_lines_after_a_row(between: str) -> None:
    """Also if an event is JSON: the lines of an envelope are one source."""
    found = unwrap(envelope(SWAPPED_HEADER.decode(), between, SWAPPED_LINE.decode()))
    texts = [(text.line_format, text.lines) for text in found.texts if text.lines == SWAPPED_LINE]
    assert totals(texts) == (1, 3, 180)


def test_a_header_of_a_gzip_member_applies_to_the_lines_after_a_row() -> None:
    members = [SWAPPED_HEADER + b"\n", orjson.dumps(ROW), SWAPPED_LINE]
    assert flows(unwrap(b"".join(map(gzip.compress, members)))) == (2, 10, 1160)


SHAPES: dict[str, tuple[bytes, str]] = {
    "a string": (orjson.dumps(LINE), "JSON string"),
    "null": (b"null", "JSON null"),
    "true": (b" true\n", "JSON boolean"),
    "an array of numbers": (b"[1, 2]", "JSON array"),
    "an empty array": (b"[]", "JSON array"),
    "an array of lines": (orjson.dumps([LINE]), "JSON array of strings"),
    "an array in an array": (orjson.dumps([[ROW]]), "JSON array"),
    "an array of rows and something": (orjson.dumps([ROW, 1]), "JSON array"),
    "a row without start": (
        orjson.dumps({k: v for k, v in ROW.items() if k != "start"}),
        "JSON row without start or interface-id",
    ),
    "a row with a nested value": (orjson.dumps(ROW | {"bytes": [1]}), "JSON row with a nested value"),
    "a row that names a field twice": (
        orjson.dumps(ROW | {"srcAddr": "1"}),
        "JSON row that names a field twice",
    ),
    "Lambda's event": (b'{"awslogs": {"data": "x"}}', "Lambda event of CloudWatch Logs"),
    "EventBridge's event": (b'{"version": "0", "detail-type": "x", "region": "y"}', "EventBridge event"),
    "OCSF": (b'{"class_uid": 4001, "version": 1, "start": 5}', "OCSF event"),
    "CloudTrail": (b'{"Records": []}', "JSON object with Records, as of CloudTrail or S3"),
    "a Firehose request": (b'{"records": [{"data": "x"}]}', "JSON object with records, as of Firehose"),
    "events alone": (b'{"logEvents": [{"message": "x"}]}', "CloudWatch Logs events without a messageType"),
    "an envelope in a message": (
        orjson.dumps({"message": envelope(LINE).decode()}),
        "CloudWatch Logs envelope within a message",
    ),
    "a row cut short": (orjson.dumps(ROW)[:-5], "broken JSON"),
    "two rows, one cut short": (orjson.dumps(ROW) + orjson.dumps(ROW)[:-5], "broken JSON"),
    "a row and a line": (orjson.dumps(ROW) + b"\n" + LINE.encode(), "broken JSON"),
    "a comma between rows": (orjson.dumps(ROW) + b"," + orjson.dumps(ROW), "broken JSON"),
    "base64 of broken gzip": (pybase64.b64encode(gzip.compress(LINE.encode())[:-9]), "truncated gzip"),
    "broken base64 of gzip": (
        pybase64.b64encode(gzip.compress(LINE.encode()))[:-7] + b"!",
        "broken base64 of gzip",
    ),
    "base64 of gzip that lacks a letter": (
        pybase64.b64encode(gzip.compress(LINE.encode())).rstrip(b"=")[: 4 * 20 + 1],
        "broken base64 of gzip",
    ),
    "base64 of base64": (
        pybase64.b64encode(pybase64.b64encode(gzip.compress(LINE.encode()))),
        "base64 within base64",
    ),
    "base64 in gzip": (gzip.compress(pybase64.b64encode(gzip.compress(LINE.encode()))), "base64 within gzip"),
    "zlib": (zlib.compress(envelope(LINE)), "zlib data"),
    "zlib in base64": (pybase64.b64encode(gzip.compress(zlib.compress(envelope(LINE)))), "zlib data"),
    "bzip2": (bz2.compress(envelope(LINE)), "bzip2 data"),
    "xz": (lzma.compress(envelope(LINE)), "xz data"),
    "zip": (b"PK\x03\x04\x14\0\0\0", "zip data"),
    "Parquet": (b"PAR1\x15\x04\x15", "Parquet data"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
    "base64 of an aggregate": (pybase64.b64encode(aggregate(line())), "KPL aggregate within base64"),
}


@pytest.mark.parametrize(("data", "reason"), SHAPES.values(), ids=SHAPES.keys())
def test_any_other_json_shape_is_refused_with_its_name(data: bytes, reason: str) -> None:
    found = unwrap(data)
    assert found.texts == ()
    assert [found.refused or ""] + [why for _, why, _ in found.refused_parts] in ([reason], ["", reason])


ENCODED: dict[str, Callable[[bytes], bytes]] = {
    "base64 of gzip": lambda data: pybase64.b64encode(gzip.compress(data)),
    "with a newline": lambda data: pybase64.b64encode(gzip.compress(data)) + b"\n",
    "cut into lines": lambda data: pybase64.encodebytes(gzip.compress(data)),
    "of URLs": lambda data: pybase64.urlsafe_b64encode(gzip.compress(data)),
    "without padding": lambda data: pybase64.b64encode(gzip.compress(data)).rstrip(b"="),
    "base64 of the text": pybase64.b64encode,
}


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED.keys())
@pytest.mark.parametrize(
    "content", [LINE.encode(), envelope(LINE), orjson.dumps(ROW)], ids=["line", "envelope", "row"]
)
def test_base64_text_is_read(encode: Callable[[bytes], bytes], content: bytes) -> None:
    assert flows(unwrap(encode(content))) == FLOW
    assert flows(unwrap(aggregate(encode(content)))) == FLOW


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_base64_texts_of_gzip_may_follow_each_other(between: bytes) -> None:
    texts = [
        pybase64.b64encode(gzip.compress(one + b"\n")) for one in (LINE.encode(), block(*[LINE.encode()] * 9))
    ]
    assert flows(unwrap(between.join(texts))) == (10, 70, 9800)


@pytest.mark.parametrize(
    "word", [b"hello", b"ThisIsOneWordAndNoBase64AtAll123", b"a" * 40, b"a" * 41, b"H4sI-not"]
)
def test_a_word_is_no_base64(word: bytes) -> None:
    assert unwrap(word).lines == word


def test_base64_counts_what_it_inflates() -> None:
    bomb = pybase64.b64encode(gzip.compress(bytes(1 << 20)))
    assert unwrap(bomb, max_bytes=1 << 16).refused == "inflates beyond the cap"


@pytest.mark.parametrize("value", [b"{},", b"[],", b'{"message":"a"},[[[[[[[[[[[[]]]]]]]]]]]],'])
def test_json_of_too_many_values_is_refused_before_it_is_read(value: bytes) -> None:
    many = b"[" + value * ((2 << 20) // len(value)) + b"{}]"
    assert unwrap(gzip.compress(many)).refused == "JSON of too many values"


def test_records_of_very_many_formats_are_refused() -> None:
    rows = [orjson.dumps(ROW | {f"field{chr(97 + at // 26)}{chr(97 + at % 26)}": 1}) for at in range(101)]
    assert unwrap(b"".join(rows[:99])).refused is None
    assert unwrap(b"".join(rows)).refused == "too many formats in a record"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(ROW)), json_values), st.sampled_from([b"", b"\n", b" "]))
def test_no_row_raises_and_each_is_one_line_or_refused(changes: dict[str, object], between: bytes) -> None:
    found = unwrap(json.dumps(ROW | changes).encode() + between + orjson.dumps(ROW))
    if found.refused is None:
        assert sum(text.lines.count(b"\n") + 1 for text in found.texts) == 2
        assert all(
            len(one.split(b" ")) == len(text.line_format.split())
            for text in found.texts
            for one in text.lines.split(b"\n")
        )


@given(
    st.binary(max_size=60),
    st.sampled_from([b"{", b"[", b'"', b"H4sI", b"eyJ", b"\xff\xfe", b"\xef\xbb\xbf", b"84ma"]),
)
def test_no_beginning_raises(rest: bytes, begin: bytes) -> None:
    for data in (begin + rest, envelope((begin + rest).decode("latin-1"))):
        unwrap(data)
