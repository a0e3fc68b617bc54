"""Text of objects: every line comes out once, wherever it is cut, resumed or broken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3 import text as s3_text
from connectors.s3.text import LONG_LINE, Broken, Part, read_text

HEADER = b"version interface-id start"
BLOCK = 64


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # The same in every process that names the tests.


def chunks(data: bytes, size: int = 7) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def text(lines: list[bytes]) -> bytes:
    return b"\n".join([HEADER, *lines]) + b"\n"


def lines_of(parts: list[Part]) -> list[bytes]:
    return [line for part in parts for line in part.text.split(b"\n")]


LINES = st.lists(
    # No byte order mark, which is ignored and is no part of a line.
    st.binary(min_size=1, max_size=BLOCK).map(
        lambda b: b.replace(b"\n", b"_").replace(b"\xef\xbb\xbf", b"_")
    ),
    min_size=1,
)


@given(LINES, st.integers(1, 300), st.sampled_from(["plain", "gzip", "members"]))
def test_every_line_comes_once_in_order_and_no_part_is_larger_than_a_block(
    lines: list[bytes], size: int, kind: str
) -> None:
    whole = text(lines)
    half = len(whole) // 2
    data = {
        "plain": whole,
        "gzip": packed(whole),
        "members": packed(whole[:half]) + packed(whole[half:]) + b"\0" * 5,
    }[kind]
    parts = list(read_text(chunks(data, size), max_bytes=BLOCK))
    assert lines_of(parts) == lines
    assert all(len(part.text) <= BLOCK and part.text.count(b"\n") + 1 == part.lines for part in parts)
    assert [part.first for part in parts[1:]] == [part.last for part in parts[:-1]]
    assert parts[-1].last == len(whole)
    assert {part.line_format for part in parts} == {"${version} ${interface-id} ${start}"}


@given(LINES, st.data())
def test_read_again_from_the_end_of_any_part_it_goes_on_there(
    lines: list[bytes], data: st.DataObject
) -> None:
    body = packed(text(lines))
    parts = list(read_text(chunks(body), max_bytes=BLOCK))
    nth = data.draw(st.integers(0, len(parts) - 1))
    assert list(read_text(chunks(body, 33), parts[nth].last, max_bytes=BLOCK)) == parts[nth + 1 :]


@given(LINES, st.data())
def test_without_a_header_all_lines_are_read_also_when_taken_up_again(
    lines: list[bytes], data: st.DataObject
) -> None:
    body = packed(b"\n".join(lines) + b"\n")
    parts = list(read_text(chunks(body), line_format="${start}", max_bytes=BLOCK))
    assert lines_of(parts) == lines
    assert (parts[0].first, {part.line_format for part in parts}) == (0, {"${start}"})
    nth = data.draw(st.integers(0, len(parts) - 1))
    again = list(read_text(chunks(body), parts[nth].last, line_format="${start}", max_bytes=BLOCK))
    assert again == parts[nth + 1 :]


@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n"])
def test_the_last_line_may_lack_its_end(end: bytes) -> None:
    parts = list(read_text([HEADER + b"\r\n2 eni-1 5" + end]))
    assert [part.text.strip() for part in parts] == [b"2 eni-1 5"]


@pytest.mark.parametrize("size", [BLOCK + 1, 5 * BLOCK, 5 * BLOCK + 3])
@pytest.mark.parametrize("at_end", [True, False])
def test_a_line_longer_than_a_block_is_refused_and_the_others_are_not(size: int, at_end: bool) -> None:
    long = b"x" * size
    whole = text([b"2 a 1", long] + ([] if at_end else [b"2 b 2", b"2 c 3"]))
    parts = list(read_text(chunks(whole), max_bytes=BLOCK))
    refused = [part for part in parts if part.refused]
    assert [(part.text, part.last - part.first, part.refused) for part in refused] == [
        (long[:BLOCK], size + 1, LONG_LINE)
    ]
    fit = lines_of([part for part in parts if not part.refused])
    assert fit == [b"2 a 1"] + ([] if at_end else [b"2 b 2", b"2 c 3"])
    assert all(one.last == other.first for one, other in pairwise(parts))
    assert list(read_text(chunks(whole), refused[0].last, max_bytes=BLOCK)) == [
        part for part in parts if part.first >= refused[0].last
    ]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (b"end  start account_id", "${end} ${start} ${account-id}"),
        (b"version a-field-of-tomorrow start\r", "${version} ${a-field-of-tomorrow} ${start}"),
    ],
)
def test_the_header_defines_the_fields(header: bytes, names: str) -> None:
    (part,) = read_text([header + b"\n1 2 3\n"])
    assert (part.line_format, part.text) == (names, b"1 2 3")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no header"),
        (packed(b""), "no header"),
        (b"2 123456789012 eni-1 10.0.0.1\n", "no header"),
        (b"eni-1 accept\n", "no header"),
        (b'{"message": "x"}\n', "no header"),
        (b"version " * 20_000 + b"\n", "no header"),
        (b"version start version\n2 3 2\n", "bad header"),
        (b"\x1f\x8bnonsense", "broken gzip"),
        (packed(packed(text([b"2 eni-1 5"]))), "no header"),
        (packed(text([b"2 eni-1 5"])) + b"garbage", "broken gzip"),
        (packed(text([b"2 eni-1 5"]))[:-4], "truncated gzip"),
        (packed(text([b"2 eni-1 5"]))[:15], "truncated gzip"),
    ],
)
def test_what_is_broken_says_why(body: bytes, why: str) -> None:
    with pytest.raises(Broken, match=f"^{why}$"):
        list(read_text(chunks(body, 64 << 10)))


def test_whole_lines_before_a_break_come_out_and_half_a_line_is_the_sample() -> None:
    lines = [b"2 eni-%d %d" % (i, i * i) for i in range(2000)]
    deflate = zlib.compressobj(wbits=31)
    body = deflate.compress(text(lines) + b"2 eni-half") + deflate.flush(zlib.Z_SYNC_FLUSH)
    parts: list[Part] = []

    def read() -> None:
        for part in read_text(chunks(body, 100), max_bytes=1000):
            parts.append(part)

    with pytest.raises(Broken, match="truncated gzip") as broken:
        read()
    assert lines_of(parts) == lines
    assert broken.value.sample == b"2 eni-half"


@pytest.mark.bulk
def test_a_bomb_and_a_flood_of_members_end_at_their_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_text, "INFLATED_MAX_BYTES", 10 << 20)
    with pytest.raises(Broken, match="beyond the cap"):
        list(read_text(chunks(packed(text([b"2 eni-1 5"] * 3_000_000)), 4096)))
    with pytest.raises(Broken, match="too many gzip members"):
        list(read_text([packed(text([])), *[packed(b"")] * 10_001]))
