"""A simulated load: exactly the lines asked for, in the past, the same for a seed, with incidents to find."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

import polars as pl
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.ledger.from_file import FileLedger
from emulator.ledger.labels import PORT_SCAN, REJECT_RATIO
from emulator.ledger.ledger import Ledger, compare_alerts
from emulator.load.line_batch import LineBatch
from emulator.load.simulated import (
    ESTATE_MIN_RECORDS,
    INCIDENTS_MIN_RECORDS,
    SPAN_MAX,
    SPAN_MIN,
    Load,
    SimulatedLoad,
)
from emulator.world.topology.presets import preset
from tests.streams.alerts.alerts_day import Pipeline

END = 1_790_000_000


def simulated(load: Load) -> SimulatedLoad:
    return SimulatedLoad(load, preset(load.preset))


@lru_cache(maxsize=8)
def made(records: int, seed: int = 1, end: int = END) -> tuple[SimulatedLoad, tuple[LineBatch, ...]]:
    load = simulated(Load(records, seed, end))
    return load, tuple(load.batches())


def parsed(batches: Iterable[LineBatch]) -> pl.DataFrame:
    """Return the lines as text fields: read back from what is sent, not from the columns."""
    text = b"\n".join(batch.text for batch in batches)
    schema = dict.fromkeys(DEFAULT_FORMAT, pl.String)
    frame = pl.read_csv(text, separator=" ", has_header=False, quote_char=None, schema=schema)
    return frame.with_columns(pl.col("srcport", "dstport", "start", "end").cast(pl.Int64, strict=False))


@pytest.mark.parametrize("records", [0, 1, 700, 5_000, INCIDENTS_MIN_RECORDS, 60_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_has_exactly_the_lines_asked_for_and_all_of_them_are_past(records: int, seed: int) -> None:
    """A line that is ahead of time would be refused."""
    _, batches = made(records, seed)
    assert [batch.first for batch in batches] == [
        sum(batch.lines for batch in batches[:nth]) for nth in range(len(batches))
    ]
    assert sum(batch.lines for batch in batches) == records
    assert all(batch.frame["end"].max() < END for batch in batches)  # type: ignore[operator]


@pytest.mark.parametrize("records", [INCIDENTS_MIN_RECORDS, 60_000, 200_000])
def test_lasts_long_enough_for_final_windows_and_ends_about_now(records: int) -> None:
    _, batches = made(records)
    assert SPAN_MIN - 8 <= len(batches) <= SPAN_MAX
    newest = batches[-1].frame["start"].max()
    assert END - 15 * 60 < newest < END  # type: ignore[operator]


def test_one_seed_has_the_same_lines_at_any_time_and_another_seed_has_others() -> None:
    shift = 7 * 3600
    _, batches = made(20_000)
    _, later = made(20_000, end=END + shift)
    _, other = made(20_000, seed=2)
    moved = parsed(batches).with_columns(pl.col("start", "end") + shift)
    assert moved.equals(parsed(later), null_equal=True)
    assert not parsed(other).equals(parsed(batches), null_equal=True)


def test_the_columns_say_what_the_text_says() -> None:
    """Counted by the reader of files, which shares nothing with the simulation."""
    _, batches = made(60_000)
    ledger, counted = Ledger(), FileLedger()
    for batch in batches:
        ledger.add_columns(batch.frame)
        counted.add(batch.text.split(b"\n"), DEFAULT_FORMAT)
    assert counted.refused == 0
    assert ledger.totals() == counted.ledger().totals()


def test_has_lines_about_the_log_and_lines_that_are_late() -> None:
    _, batches = made(60_000)
    frame = parsed(batches)
    assert set(frame["log-status"]) == {"OK", "NODATA", "SKIPDATA"}
    late = (frame["start"].cum_max() - frame["start"]).filter(frame["start"] < frame["start"].cum_max() - 120)
    assert 0.01 < len(late) / frame.height < 0.1
    assert late.max() <= 7 * 60  # type: ignore[operator]


@pytest.mark.parametrize("records", [INCIDENTS_MIN_RECORDS, 60_000, 200_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.bulk
def test_detectors_find_what_is_planted_and_nothing_else(records: int, seed: int) -> None:
    """The incidents are final before the load ends."""
    load, batches = made(records, seed)
    pipeline, alerts = Pipeline(), []
    for batch in batches:
        pipeline.add(batch.text)
        alerts += pipeline.flush(set())
    report = compare_alerts(load.labels, alerts)
    assert {label.rule for label in report.found} == {PORT_SCAN, REJECT_RATIO}
    assert report.exact
    newest = max(int(batch.frame["start"].max()) for batch in batches)  # type: ignore[arg-type]
    assert all(label.window_end <= newest - 600 for label in report.found)


def test_a_small_load_has_no_incidents() -> None:
    load, batches = made(5_000)
    assert load.labels == ()
    assert b" 198.51.100.77 " not in b"".join(batch.text for batch in batches)


@pytest.mark.bulk
def test_a_large_load_has_many_interfaces() -> None:
    load = simulated(Load(ESTATE_MIN_RECORDS, 1, END))
    batches = list(islice(load.batches(), 4))
    assert pl.concat([batch.frame for batch in batches])["eni"].n_unique() == 2_000
    assert 0.7 < sum(batch.lines for batch in batches) / (4 * ESTATE_MIN_RECORDS / SPAN_MIN) < 1.3


@pytest.mark.parametrize(
    ("records", "minutes"), [(1, 40), (5_000_000, 50), (50_000_000, 60), (1_000_000_000, 1000)]
)
def test_the_span_grows_with_the_load(records: int, minutes: int) -> None:
    """No minute has many more than a million lines, so that memory is bounded."""
    assert Load(records, 1, END).minutes == minutes


def test_a_large_minute_is_sent_in_several_batches_with_the_same_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, whole = made(60_000)
    monkeypatch.setattr("emulator.load.simulated.BATCH_LINES", 700)
    parts = list(simulated(Load(60_000, 1, END)).batches())
    assert max(batch.lines for batch in parts) == 700
    assert parsed(parts).equals(parsed(whole), null_equal=True)
