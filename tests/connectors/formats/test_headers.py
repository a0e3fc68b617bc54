"""Headers inside a text: which lines each applies to, for every kind of source."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.firehose.body import Posted, read_body
from connectors.firehose.headers import Head, Origin
from connectors.formats.by_log_group import Formats
from connectors.formats.envelope import wrap_subscription
from connectors.formats.flowlog import (
    DEFAULT_FORMAT,
    FIELD_VERSIONS,
    Format,
    header_of,
    log_format,
    parse_format,
)
from connectors.formats.headers import Section, sections
from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
from connectors.kinesis.positions import Position
from connectors.kinesis.transaction import Naming, ParseContext, parse_records
from connectors.s3.text import read_text
from streams.sums import lines
from tests.build import aggregate, any_lines, block, formats, line

T = 1_790_000_040
BOM = b"\xef\xbb\xbf"
DEFAULT_HEADER = " ".join(DEFAULT_FORMAT).encode()
SWAPPED_HEADER = DEFAULT_HEADER.replace(b"packets bytes", b"bytes packets")
ZONED_HEADER = SWAPPED_HEADER.replace(b"srcport", b"src-zone")
DEFAULT_LINE = b"2 111122223333 eni-0c0ffee0c0ffee001 10.8.0.4 10.8.0.9 41000 443 6 3 180 %d %d ACCEPT OK" % (
    T,
    T + 40,
)
SWAPPED_LINE = DEFAULT_LINE.replace(b"3 180", b"180 3")
ZONED_LINE = SWAPPED_LINE.replace(b"41000", b"zone-1")

Found = list[tuple[str, bytes]]
"""Texts of lines with the format they have."""


def of_kinesis(*records: bytes) -> Found:
    context = ParseContext(Naming("s", "", "eu-west-1"), "s@1", Formats("default"))
    answer = GetRecordsResponse(
        [KinesisRecord(str(101 + i), 1, data) for i, data in enumerate(records)], "more", 0
    )
    found = list(parse_records(context, "a", answer, Position("100"), 1))
    assert not [refusal for read in found for refusal in read.refusals]
    return [(chunk.origin.line_format, chunk.text) for read in found for chunk in read.chunks]


def of_firehose(*records: bytes) -> Found:
    data = [{"data": pybase64.b64encode(one).decode()} for one in records]
    raw = orjson.dumps({"requestId": "1", "timestamp": 1, "records": data})
    found = read_body(raw, Head("1", Origin("flows", "default", "", ""), False, ()), 1)
    assert isinstance(found, Posted)
    assert not found.refusals
    return [(chunk.origin.line_format, chunk.text) for chunk in found.chunks]


def of_s3(data: bytes) -> Found:
    return [(part.line_format, part.text) for part in read_text([data])]


def of_export(data: bytes) -> Found:
    return [(part.line_format, part.text) for part in read_text([data], line_format="default")]


SOURCES: dict[str, Callable[[bytes], Found]] = {
    "a Kinesis record": of_kinesis,
    "a user record of KPL": lambda data: of_kinesis(aggregate(data)),
    "a Kinesis record of gzip": lambda data: of_kinesis(gzip.compress(data)),
    "a Kinesis record of base64": lambda data: of_kinesis(pybase64.b64encode(gzip.compress(data))),
    "an envelope": lambda data: of_kinesis(envelope(data)),
    "a Firehose record": of_firehose,
    "an object": of_s3,
    "an object of gzip": lambda data: of_s3(gzip.compress(data)),
    "an export": of_export,
}
sources = pytest.mark.parametrize("read", SOURCES.values(), ids=SOURCES.keys())


def envelope(text: bytes) -> bytes:
    return wrap_subscription("x", [(str(i), i, one) for i, one in enumerate(text.decode().split("\n"))])


def totals(found: Found) -> tuple[int, int, int]:
    """Return the flows, packets and bytes of lines, as a worker understands them."""
    rows = [
        row
        for line_format, text in found
        for one in text.split(b"\n")
        if isinstance(row := lines.parse_line(one, lines.plan(parse_format(line_format))), lines.ParsedLine)
    ]
    return len(rows), sum(row.packets for row in rows), sum(row.bytes for row in rows)


@sources
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_second_header_applies_from_where_it_stands(read: Callable[[bytes], Found], end: bytes) -> None:
    newline = end or b"\n"
    text = newline.join([DEFAULT_HEADER, DEFAULT_LINE, SWAPPED_HEADER, SWAPPED_LINE, SWAPPED_LINE]) + end
    assert totals(read(text)) == (3, 9, 540)


@sources
def test_a_bom_before_a_header_is_ignored(read: Callable[[bytes], Found]) -> None:
    assert totals(read(block(BOM + SWAPPED_HEADER, SWAPPED_LINE))) == (1, 3, 180)
    later = block(BOM + DEFAULT_HEADER, DEFAULT_LINE, BOM + SWAPPED_HEADER, SWAPPED_LINE)
    assert totals(read(later)) == (2, 6, 360)


@sources
def test_an_unknown_field_of_a_header_keeps_its_column(read: Callable[[bytes], Found]) -> None:
    assert totals(read(block(ZONED_HEADER, ZONED_LINE))) == (1, 3, 180)
    assert totals(read(block(DEFAULT_HEADER, DEFAULT_LINE, ZONED_HEADER, ZONED_LINE))) == (2, 6, 360)


MEMBERS = block(DEFAULT_HEADER, DEFAULT_LINE), block(SWAPPED_HEADER, SWAPPED_LINE)


@pytest.mark.parametrize("read", [of_kinesis, of_firehose, of_s3])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_each_gzip_member_may_have_a_header(read: Callable[[bytes], Found], end: bytes) -> None:
    """Also where a member's last line has no end."""
    assert totals(read(b"".join(gzip.compress(one + end) for one in MEMBERS))) == (2, 6, 360)


@pytest.mark.parametrize("read", [of_kinesis, of_firehose, of_s3])
@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\0\0"])
def test_gzip_members_may_have_a_delimiter_between_and_after_them(
    read: Callable[[bytes], Found], between: bytes
) -> None:
    """As Firehose appends one to each record that it delivers."""
    assert totals(read(b"".join(gzip.compress(one) + between for one in MEMBERS))) == (2, 6, 360)


@pytest.mark.parametrize("read", [of_kinesis, of_firehose, of_s3])
def test_a_header_applies_in_the_next_gzip_members_too(read: Callable[[bytes], Found]) -> None:
    data = [block(SWAPPED_HEADER, SWAPPED_LINE) + b"\n", SWAPPED_LINE + b"\n", SWAPPED_LINE]
    assert totals(read(b"".join(map(gzip.compress, data)))) == (3, 9, 540)


@pytest.mark.parametrize("size", [1, 7, 300, 1 << 20])
def test_members_that_cut_a_line_or_a_header_are_read_as_one_text(size: int) -> None:
    text = block(DEFAULT_HEADER, DEFAULT_LINE, SWAPPED_HEADER, SWAPPED_LINE)
    for cut in range(1, len(text), 11):
        data = gzip.compress(text[:cut]) + gzip.compress(text[cut:])
        chunks = (data[at : at + size] for at in range(0, len(data), size))
        assert totals([(part.line_format, part.text) for part in read_text(chunks)]) == (2, 6, 360)


def test_a_header_applies_within_its_record_only() -> None:
    for read in (of_kinesis, of_firehose):
        assert totals(read(block(SWAPPED_HEADER, SWAPPED_LINE), DEFAULT_LINE)) == (2, 6, 360)
    assert totals(of_kinesis(aggregate(block(SWAPPED_HEADER, SWAPPED_LINE), DEFAULT_LINE))) == (2, 6, 360)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (b"version account-id interface-id", True),
        (b"version interface_id start", True),
        (b"end  start\taccount_id\r", True),
        (b"start interface-id field-of-tomorrow", True),
        (b"version src-zone start interface-id new-a new-b", True),
        (b"version account-id eni-0c0ffee0c0ffee001", False),
        (b"packets start at the end of version", False),
        (b"packets start version foo bar baz", False),
        (b"start end start", False),
        (b"hello world", False),
        (b"start", False),  # One word is a word.
        (b"", False),
        (b"- - -", False),
        (DEFAULT_LINE, False),
        (line(log_status="NODATA", action="-", packets="-"), False),
    ],
)
def test_what_a_header_is(text: bytes, is_one: bool) -> None:
    assert (header_of(text) is not None) == is_one
    assert (header_of(BOM + text) is not None) == is_one


@given(st.data())
def test_no_line_of_data_is_a_header(data: st.DataObject) -> None:
    names = data.draw(formats())
    text = data.draw(any_lines(names))
    if header_of(text) is not None:
        assert set(text.decode().replace("_", "-").split()) <= FIELD_VERSIONS.keys()


new_names = st.from_regex(r"[a-z]{1,8}(-[a-z]{1,5})?", fullmatch=True).filter(
    lambda n: n not in FIELD_VERSIONS
)


@st.composite
def headers(draw: st.DrawFn) -> Format:
    names = list(draw(formats()))
    unknown = draw(st.lists(new_names, unique=True, max_size=len(names)))
    return tuple(draw(st.permutations(names + unknown)))


@given(
    st.lists(st.tuples(headers(), st.lists(st.integers(0, 9), max_size=3), st.booleans()), max_size=5),
    st.booleans(),
)
def test_every_line_has_the_format_of_the_header_above_it(
    blocks: list[tuple[Format, list[int], bool]], is_headed: bool
) -> None:
    written, expected = list[bytes](), list[tuple[str, bytes]]()
    current = "given"
    for names, numbers, has_mark in blocks:
        if is_headed:
            written.append((BOM if has_mark else b"") + " ".join(names).encode())
            current = log_format(names)
        is_headed = True
        written += [b"2 eni-%d start" % number for number in numbers]
        expected += [(current, b"2 eni-%d start" % number) for number in numbers]
    text = b"\n".join(written)
    found = sections(text, "given")
    assert [(one.line_format, row) for one in found if one.text for row in one.text.split(b"\n")] == expected
    assert found[-1].line_format == current
    assert all(text[one.begin : one.end].removesuffix(b"\n") == one.text for one in found if one.text)


def test_text_without_a_header_is_one_section() -> None:
    assert sections(DEFAULT_LINE, "given") == [Section("given", DEFAULT_LINE, 0, len(DEFAULT_LINE) + 1)]
    assert sections(b"") == [Section("", b"", 0, 1)]


@given(st.data())
def test_an_object_is_taken_up_again_with_the_header_that_applies_there(data: st.DataObject) -> None:
    kinds = data.draw(
        st.lists(st.sampled_from([DEFAULT_HEADER, ZONED_HEADER, DEFAULT_LINE, SWAPPED_LINE]), max_size=12)
    )
    body = gzip.compress(block(SWAPPED_HEADER, SWAPPED_LINE, *kinds) + b"\n")

    def read(at: int, size: int) -> Iterator[object]:
        chunks = (body[i : i + size] for i in range(0, len(body), size))
        return read_text(chunks, at, max_bytes=data.draw(st.just(200)))

    parts = list(read_text([body], max_bytes=200))
    for nth, part in enumerate(parts):
        assert list(read(part.last, 13)) == parts[nth + 1 :]


def test_an_object_is_taken_up_inside_a_part_that_an_older_release_has_cut_elsewhere() -> None:
    body = block(SWAPPED_HEADER, *[SWAPPED_LINE] * 3)
    at = len(SWAPPED_HEADER) + 1 + len(SWAPPED_LINE) + 1
    assert [(part.text, part.first, part.lines) for part in read_text([body], at)] == [
        (block(SWAPPED_LINE, SWAPPED_LINE), at, 2)
    ]
