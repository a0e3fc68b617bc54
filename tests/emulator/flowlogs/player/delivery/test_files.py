"""The files of a flow log: each record in the five minutes of its end, once, as text and as Parquet."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT, is_header, parse_format
from emulator.flowlogs.player.delivery.batches import ABOUT, IntervalBatch
from emulator.flowlogs.player.delivery.files import FILE_MAX_BYTES, File, Files
from emulator.flowlogs.player.rows import INTEGERS, LONGS, lines
from tests.emulator.flowlogs.player.portions import FIRST

BEGINS = FIRST * 60
LINE = "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 40 0 0 ACCEPT OK"
WORDS = dict(zip(DEFAULT_FORMAT, LINE.split(" "), strict=True))


def batch(ends: list[int], first: int = 0) -> IntervalBatch:
    """Return records that end at some seconds after `BEGINS`; `srcport` numbers them."""
    height = len(ends)
    columns = {name: [int(word) if word.isdigit() else word] * height for name, word in WORDS.items()}
    columns |= {"srcport": list(range(first, first + height)), "end": [BEGINS + one for one in ends]}
    columns["account-id"] = ["111111111111"] * height
    schema = {name: pl.Int64 if name in INTEGERS | LONGS else pl.String for name in DEFAULT_FORMAT}
    frame = pl.DataFrame(columns, schema_overrides=schema)
    about = frame.select(
        pl.lit("eni-1").alias("eni"),
        *("action", "packets", "bytes", "start", "end"),
        pl.col("srcaddr").alias("peer"),
        pl.col("srcport").alias("port"),
    )
    return IntervalBatch(BEGINS + max(ends, default=0) + 1, frame, about.select(ABOUT))


def texts(file: File) -> list[str]:
    return gzip.decompress(file.text()).decode().splitlines()


def ports(file: File) -> list[int]:
    return [port for one in file.batches for port in one.frame["srcport"].to_list()]


def added(files: Files, *batches: IntervalBatch) -> list[File]:
    return [file for one in batches for file in files.add(one)]


def test_a_record_waits_in_the_five_minutes_of_its_end() -> None:
    files = Files()
    assert added(files, batch([0, 299, 300, 301, -1, 600])) == []
    found = {file.starts - BEGINS: ports(file) for file in files.due(None)}
    assert found == {-300: [4], 0: [0, 1], 300: [2, 3], 600: [5]}


def test_a_file_is_due_when_its_five_minutes_are_over() -> None:
    files = Files()
    added(files, batch([10, 310]))
    assert not files.has_due(BEGINS + 299)
    assert list(files.due(BEGINS + 299)) == []
    assert files.has_due(BEGINS + 300)
    (first,) = files.due(BEGINS + 300)
    assert (first.starts, first.due, first.height) == (BEGINS, BEGINS + 300, 1)
    assert not files.has_due(BEGINS + 300)
    assert files.has_due(None)
    (second,) = files.due(None)
    assert second.starts == BEGINS + 300
    assert not files.has_due(None)


def test_a_file_is_cut_when_it_is_large_and_its_parts_are_numbered() -> None:
    size = len(lines(batch([1]).frame).item()) + 1
    files = Files(max_bytes=4 * size)
    assert added(files, batch([1, 2, 3])) == []
    (first,) = added(files, batch([4], 3))
    (second,) = added(files, batch([5] * 9, 4))
    added(files, batch([6], 13))
    (third,) = files.due(None)
    assert [(one.nth, one.height) for one in (first, second, third)] == [(0, 4), (1, 9), (2, 1)]
    assert {one.starts for one in (first, second, third)} == {BEGINS}


def test_records_that_come_late_make_another_file_of_their_five_minutes() -> None:
    files = Files()
    added(files, batch([10]))
    (first,) = files.due(BEGINS + 300)
    added(files, batch([20]))
    (late,) = files.due(BEGINS + 900)
    assert (first.nth, late.nth) == (0, 1)
    assert late.starts == first.starts


def test_a_file_is_cut_at_seventy_five_megabytes() -> None:
    assert Files().max_bytes == FILE_MAX_BYTES == 75_000_000


def test_the_text_is_gzip_with_a_header_and_a_line_for_each_record() -> None:
    files = Files()
    added(files, batch([1, 2]), batch([3], 2))
    (file,) = files.due(None)
    header, *rest = texts(file)
    assert is_header(header.encode())
    assert parse_format(header) == DEFAULT_FORMAT
    assert rest == [line for one in file.batches for line in lines(one.frame)]
    assert len(rest) == file.height == 3
    assert gzip.decompress(file.text()).endswith(b"OK\n")
    assert file.text() == file.text()


def test_parquet_is_read_back_with_its_types() -> None:
    files = Files()
    added(files, batch([1, 2]), batch([3], 2))
    (file,) = files.due(None)
    found = pl.read_parquet(io.BytesIO(file.parquet()))
    assert found.columns == [name.replace("-", "_") for name in DEFAULT_FORMAT]
    assert [found.schema[name] for name in ("srcport", "bytes", "account_id")] == [
        pl.Int32,
        pl.Int64,
        pl.String,
    ]
    assert lines(found).to_list() == texts(file)[1:]


def test_columns_of_parquet_are_compressed_with_gzip() -> None:
    added(files := Files(), batch([1] * 500))
    (file,) = files.due(None)
    # Thrift's compact encoding of `codec = GZIP` (field 4 of ColumnMetaData, after path_in_schema).
    assert b"\x18\x07version\x15\x04" in file.parquet()


@dataclass
class Given:
    """What was put in and what came out, by file."""

    files: Files
    put: int = 0
    out: list[File] = field(default_factory=list)


steps = st.lists(
    st.one_of(st.lists(st.integers(-700, 2000), max_size=8), st.integers(0, 2400), st.none()), max_size=25
)


@given(steps, st.sampled_from([1, 300, 2000, 75_000_000]))
def test_nothing_is_lost_or_doubled(sequence: list[list[int] | int | None], max_bytes: int) -> None:
    """Whatever is added and taken in whatever order: every record stands in one file, that of its end."""
    made = Given(Files(max_bytes))
    for step in [*sequence, None]:
        if isinstance(step, list):
            made.out += made.files.add(batch(step, made.put))
            made.put += len(step)
        else:
            now = None if step is None else BEGINS + step
            has_due = made.files.has_due(now)
            due = list(made.files.due(now))
            assert has_due == bool(due)
            made.out += due
    assert Counter(port for file in made.out for port in ports(file)) == Counter(range(made.put))
    assert len({(file.starts, file.nth) for file in made.out}) == len(made.out)
    for file in made.out:
        ends = [end for one in file.batches for end in one.about["end"].to_list()]
        assert ends == [end for one in file.batches for end in one.frame["end"].to_list()]
        assert all(file.starts <= end < file.starts + 300 for end in ends)
        assert file.starts % 300 == 0
        assert file.height > 0


@pytest.mark.parametrize("ends", [[], [0, 299, 300]])
def test_the_parts_of_a_batch_keep_when_its_interval_ended(ends: list[int]) -> None:
    added(files := Files(), batch(ends))
    found = [one.ends for file in files.due(None) for one in file.batches]
    assert found == [BEGINS + 301] * (2 if ends else 0)
