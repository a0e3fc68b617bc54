"""Parquet as lines: AWS's types, other writers' types, what is refused, and reading on from any row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3 import parquet
from connectors.s3.parquet import read_parquet
from connectors.s3.parquet_rows import columns, joined
from connectors.s3.text import LONG_LINE, Broken, Part

AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def lines(frame: pl.DataFrame) -> tuple[str, list[str]]:
    how = columns(frame.schema)
    return how.line_format, joined(frame.select(how.line)["line"]).decode().split("\n")


def test_columns_become_fields_and_null_becomes_a_hyphen() -> None:
    frame = pl.DataFrame({"interface_id": ["eni-1", None], "start": [5, None], "log_status": ["OK", ""]})
    assert lines(frame) == ("${interface-id} ${start} ${log-status}", ["eni-1 5 OK", "- - -"])


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pl.Series([1_700_000_000], dtype=pl.Int64), "1700000000"),
        (pl.Series([17], dtype=pl.UInt8), "17"),
        (pl.Series([1.7e9]), "1700000000"),
        (pl.Series([float("nan")]), "-"),
        (pl.Series([Decimal(12)]), "12"),
        (pl.Series([AT]), "1700000000"),
        (pl.Series([AT.replace(tzinfo=None)], dtype=pl.Datetime("ns")), "1700000000"),
        (pl.Series([b"10.0.0.1"]), "10.0.0.1"),
        (pl.Series(["ACCEPT"], dtype=pl.Categorical), "ACCEPT"),
        (pl.Series(["a tag\nof two  lines"]), "a_tag_of_two_lines"),
        (pl.Series([None]), "-"),
    ],
)
def test_other_writers_types_say_what_awss_would(column: pl.Series, text: str) -> None:
    assert lines(pl.DataFrame({"start": column}))[1] == [text]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pl.DataFrame({"a": [1], "b": [2]}), "no column of a flow log"),
        (pl.DataFrame(), "no column of a flow log"),
        (pl.DataFrame({"start": [1], "START": [2]}), "column names"),
        (pl.DataFrame({"start": [1], "a column": [2]}), "column names"),
        (pl.DataFrame({"start": [[1]]}), "type of a column"),
        (pl.DataFrame({"start": [True]}), "type of a column"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(frame: pl.DataFrame, why: str) -> None:
    with pytest.raises(Broken, match=f"^foreign Parquet: {why}$") as broken:
        columns(frame.schema)
    assert all(name.encode() in broken.value.sample for name in frame.columns[:1])


@pytest.fixture(scope="module")
def file() -> Iterator[IO[bytes]]:
    """A file of a hundred rows in row groups of nine."""
    frame = pl.DataFrame({"version": [2] * 100, "interface_id": [f"eni-{i}" for i in range(100)]})
    with TemporaryFile() as file:
        frame.write_parquet(file, row_group_size=9)
        file.flush()
        yield file


def split(parts: list[Part]) -> list[str]:
    return [line for part in parts for line in part.text.decode().split("\n")]


@given(at=st.integers(0, 100), max_bytes=st.integers(10, 300))
def test_any_row_is_a_place_to_go_on_from(file: IO[bytes], at: int, max_bytes: int) -> None:
    parts = list(read_parquet(file, at, max_bytes=max_bytes))
    assert split(parts) == [f"2 eni-{i}" for i in range(at, 100)]
    assert all(len(part.text) <= max_bytes for part in parts)
    assert [part.first for part in parts] == [at, *(part.last for part in parts)][: len(parts)]
    assert sum(part.lines for part in parts) == 100 - at


def test_slices_change_nothing(file: IO[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = split(list(read_parquet(file)))
    monkeypatch.setattr(parquet, "SLICE_ROWS", 7)
    assert split(list(read_parquet(file))) == whole


def test_a_row_longer_than_a_block_is_refused_alone(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        pl.DataFrame({"interface_id": ["eni-1", "x" * 100, "eni-2"]}).write_parquet(file)
        file.flush()
        parts = list(read_parquet(file, max_bytes=20))
    assert [(part.text, part.first, part.refused) for part in parts] == [
        (b"eni-1", 0, ""),
        (b"x" * 20, 1, LONG_LINE),
        (b"eni-2", 2, ""),
    ]
