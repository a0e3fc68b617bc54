"""Versions, names, roll-ups and compaction: each key once, whatever order and parts its versions come in."""

from __future__ import annotations

import random
from collections.abc import Iterable

import polars as pl
import pytest
from datasketches import hll_sketch, tgt_hll_type
from hypothesis import given
from hypothesis import strategies as st

from streams.archive import compaction, finals, tables
from streams.archive.batch import Batch
from streams.archive.names import Part, current, parse
from streams.archive.parquet import decode, encode
from streams.archive.rollups import merge, roll_up
from streams.archive.tables import CONVERSATIONS, TABLES, TOTALS, Table, rollup_of
from streams.numbering import Output, Sequence
from tests.streams.archive import made

Messages = list[list[made.Row]]


def batch_of(messages: Messages, table: Table, first: int = 0) -> dict[Part, pl.DataFrame]:
    """Return the parts of a batch of messages, written and read again."""
    output, read, batch = Output(first - 1), Sequence(first - 1, first - 1), Batch(Sequence())
    for rows in messages:
        sums, pairs = (rows, ()) if table is TOTALS else ((), rows)
        message = made.read(made.message(output, "finals", 3, 0, sums, pairs), read.offset + 1)
        read.advance(message)
        batch.add(message, finals.read(message), read, 0.0)
    return written(batch.files(3))


def written(files: compaction.Files) -> dict[Part, pl.DataFrame]:
    """Return the rows of parts as they are read from their files."""
    return {part: decode(encode(rows, TABLES[part.table]), part) for part, rows in files}


def values(rows: pl.DataFrame, table: Table) -> list[tuple[object, ...]]:
    """Return keys, bytes and revisions, sorted; times are epoch seconds."""
    found = rows.with_columns(pl.col("window_start").dt.epoch("s"))
    return sorted(found.select(*table.key, "bytes", "revision").rows())


def wanted(messages: Messages, table: Table) -> list[tuple[object, ...]]:
    """Return the same of the newest versions in messages."""
    rows = [row for found in made.expected(messages, table.key).values() for row in found]
    return sorted(tuple(row[name] for name in (*table.key, "bytes", "revision")) for row in rows)


def message_of(chance: random.Random) -> list[made.Row]:
    """Return conversations of some interfaces and windows: all rows of each, with one revision."""
    rows: list[made.Row] = []
    for window, eni in {(chance.randrange(70), f"eni-{chance.randrange(3)}") for _ in range(4)}:
        revision, account = chance.randrange(1, 4), chance.choice(("", "111122223333"))
        rows += [
            made.conversation(window, eni, "10.0.0.1", f"10.0.0.{n}", bytes=chance.randrange(99))
            | {"revision": revision, "account": account}
            for n in range(chance.randrange(1, 4))
        ]
    return rows


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 4))
def test_parts_and_their_compaction_have_the_newest_version_of_each_key(
    seed: int, count: int, size: int
) -> None:
    chance = random.Random(seed)
    messages = [message_of(chance) for _ in range(count)]
    parts: dict[Part, pl.DataFrame] = {}
    for first in range(0, count, size):
        parts |= batch_of(messages[first : first + size], CONVERSATIONS, first)
    everything = tables.newest(pl.concat(parts.values()), CONVERSATIONS)
    assert values(everything, CONVERSATIONS) == wanted(messages, CONVERSATIONS)
    outputs = dict(parts)
    for hour in {part.period for part in parts}:
        inputs = {part: rows for part, rows in parts.items() if part.period == hour}
        outputs |= written(compaction.of_hour(inputs))
    for table in (CONVERSATIONS, rollup_of(CONVERSATIONS, "1h")):
        shown = current(part for part in outputs if part.table == table.name)
        assert not shown.unsettled
        sums = pl.concat([outputs[part] for part in shown.settled])
        assert sums["bytes"].sum() == everything["bytes"].sum()
        if table is CONVERSATIONS:
            assert values(sums, table) == wanted(messages, CONVERSATIONS)


@given(st.integers(0, 10_000))
def test_roll_ups_are_direct_sums_also_from_finer_ones(seed: int) -> None:
    chance = random.Random(seed)
    found = batch_of([message_of(chance)], CONVERSATIONS)
    rows = pl.concat(found.values())
    for period, seconds in tables.PERIODS.items():
        direct: dict[tuple[int, str, str], int] = {}
        for window, eni, destination, count in rows.select(
            pl.col("window_start").dt.epoch("s"), "eni", "destination", "bytes"
        ).rows():
            key = (window - window % seconds, eni, destination)
            direct[key] = direct.get(key, 0) + count
        rolled = rollup_of(CONVERSATIONS, period)
        once = roll_up(rows, CONVERSATIONS, rolled)
        twice = roll_up(roll_up(rows, CONVERSATIONS, rollup_of(CONVERSATIONS, "10m")), CONVERSATIONS, rolled)
        for sums in (once, twice):
            by_key = sums.group_by(pl.col("window_start").dt.epoch("s"), "eni", "destination").agg(
                pl.col("bytes").sum()
            )
            assert {row[:3]: row[3] for row in by_key.rows()} == direct
            assert set(sums["window_s"]) <= {seconds}


def test_sketches_of_windows_are_merged_and_foreign_bytes_are_left_out() -> None:
    def sketch(values: Iterable[int]) -> bytes:
        found = hll_sketch(11, tgt_hll_type.HLL_8)
        for value in values:
            found.update(value)
        return bytes(found.serialize_compact())

    both = merge([sketch(range(60)), b"no sketch", sketch(range(40, 100))])
    assert both is not None
    assert hll_sketch.deserialize(both).get_estimate() == pytest.approx(100, rel=0.05)
    assert merge([b"no sketch"]) is None
    rows = [made.totals(w, "eni-1", peers=sketch(range(w, w + 50)), distinct_ports=w) for w in (0, 10)]
    (found,) = batch_of([rows], TOTALS).values()
    hour = roll_up(found, TOTALS, rollup_of(TOTALS, "1h")).row(0, named=True)
    assert hll_sketch.deserialize(hour["peers"]).get_estimate() == pytest.approx(60, rel=0.05)
    assert (hour["ports"], hour["distinct_ports"], hour["flows"]) == (None, 10, 2)


@given(
    st.sampled_from(sorted(TABLES)),
    st.integers(0, 2_000_000),
    st.text("ab/=% 1é", max_size=6),
    st.text("us-1.", max_size=6),
)
def test_a_path_names_its_part(table: str, hour: int, account: str, region: str) -> None:
    period = hour * 3600 - (hour * 3600 % 86_400 if TABLES[table].is_daily else 0)
    if "unknown" in (account, region) or {account, region} & {".", ".."}:
        return
    part = Part(table, period, 3, 17, 21, account, region)
    assert parse(part.path) == part


@pytest.mark.parametrize(
    "path",
    [
        "totals/notes.txt",
        "totals/account=1/region=r/day=2026-13-01/hour=00/003-000000000017-000000000021.parquet",
        "totals/account=1/region=r/day=2026-11-01/003-000000000017-000000000021.parquet",
        "totals_1d/account=1/region=r/day=2026-11-01/hour=00/003-000000000017-000000000021.parquet",
        "others/account=1/region=r/day=2026-11-01/hour=00/003-000000000017-000000000021.parquet",
        "totals/account=1/region=r/day=2026-11-01/hour=00/part-0.parquet",
    ],
)
def test_other_files_are_foreign(path: str) -> None:
    assert parse(path) is None


def test_a_compacted_part_replaces_its_inputs_by_its_name() -> None:
    ranges = [(0, 4), (5, 9), (0, 9), (10, 12)]
    parts = [Part("totals", 0, 1, first, last) for first, last in ranges]
    assert current(parts).unsettled == (parts[2], parts[3])
    assert current(parts[:3]).settled == (parts[2],)
    other = Part("totals", 0, 2, 0, 4)
    assert current([*parts[:3], other]).settled == (parts[2], other)


def test_the_previous_format_has_totals_only() -> None:
    rows = [{k: v for k, v in made.totals(0, "eni-1").items() if k not in {"account", "region"}}]
    value = made.stream(rows, made.FINALS)
    found = finals.read(made.read(Output().message("finals", 0, value, 1, watermark=b"60"), 0))
    assert found.totals.select("eni", "account", "region", "peers").rows() == [("eni-1", "", "", None)]
    assert len(found.conversations) == 0


@pytest.mark.parametrize(
    ("value", "headers", "why"),
    [
        (b"hello", {"number": b"0", "watermark": b"0"}, "."),
        (b"", {"number": b"0"}, "no header 'watermark'"),
        (b"", {"number": b"first", "watermark": b"0"}, "invalid literal"),
        (made.stream([{"eni": "e"}], {"eni": pl.String}), {"number": b"0", "watermark": b"0"}, "no column"),
        (
            made.stream([made.totals(-(10**9), "eni-1")], made.TOTALS_SCHEMA),
            {"number": b"0", "watermark": b"0"},
            "no time",
        ),
    ],
)
def test_a_foreign_message_is_refused_with_a_reason(
    value: bytes, headers: dict[str, bytes], why: str
) -> None:
    with pytest.raises(finals.ForeignMessage, match=why):
        finals.read(made.Input(0, headers, value))


def test_open_windows_are_not_archived() -> None:
    rows = [made.totals(0, "eni-1"), made.totals(1, "eni-1", final=False)]
    (found,) = batch_of([rows], TOTALS).values()
    assert len(found) == 1
