"""The event time of a line, with and without a prefix, and the newest one in a sample of unordered lines."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.event_time import (
    BACK_MAX,
    LAST_TEXTS,
    LINES_MIN,
    TEXTS_MAX,
    newest_start,
    sample,
    sampled_starts,
    start_of,
)
from connectors.formats.by_log_group import Formats
from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
from connectors.kinesis.positions import Position
from connectors.kinesis.transaction import Naming, ParseContext, joined, parse_records
from connectors.progress import NONE
from emulator.load import feed
from emulator.load.simulated import Load, SimulatedLoad
from emulator.world.topology.presets import preset
from streams.windows.watermark import CLOSE_S
from tests.build import line

START = 1_790_000_000
LATE_MAX_S = 300


@pytest.mark.parametrize(
    "prefix", ["", "2026-09-21T13:05:11 ", "2026-09-21T13:05:11.123000+00:00 eni-1-all "]
)
def test_a_line_has_its_start_whatever_its_prefix(prefix: str) -> None:
    assert start_of(prefix.encode() + line(start=START), "default") == START
    short = "interface-id start"
    assert start_of(prefix.encode() + b"eni-1 %d" % START, short) == START


@pytest.mark.parametrize(
    ("text", "line_format"),
    [
        (b"", "default"),
        (b"2 1", "default"),
        (line(start="-"), "default"),
        (b"2 1 eni-1", "version"),
        (b"2", "No"),
    ],
)
def test_a_line_without_a_start_has_none(text: bytes, line_format: str) -> None:
    assert start_of(text, line_format) == NONE


@pytest.mark.parametrize(
    "end", [b"\n", b"\r\n\r\n", b"\n \n", b"\n-- 25 rows --", b"\n" + line(start=START + 86_400)]
)
def test_a_text_that_ends_with_lines_without_a_time_has_that_of_the_line_before(end: bytes) -> None:
    """Else the event time of a source whose records end so is unknown, and no window becomes final."""
    text = line(start=START - 60) + b"\n" + line(start=START) + end
    assert newest_start([(text, "default", START * 1000)]) == START


def test_only_the_end_of_each_of_many_texts_is_looked_at() -> None:
    text = line(start=START) + b"\n" * BACK_MAX
    assert newest_start([(text, "default", START * 1000)] * LINES_MIN) == NONE
    assert newest_start([(text[:-1], "default", START * 1000)] * LINES_MIN) == START


@given(st.integers(0, 1 << 32), st.integers(1, 200), st.integers(1, 40))
def test_the_newest_start_of_a_sample_is_nearly_that_of_all_lines_however_late_these_are(
    seed: int, texts: int, lines: int
) -> None:
    """The worker closes windows up to `CLOSE_S` beyond it; a larger difference leaves them open."""
    chance = random.Random(seed)
    starts = [[START - chance.randrange(LATE_MAX_S) for _ in range(lines)] for _ in range(texts)]
    read = [(b"\n".join(line(start=start) for start in part), "default", START * 1000) for part in starts]
    newest = max(map(max, starts))
    assert newest - CLOSE_S <= newest_start(sample(read)) <= newest


@given(st.lists(st.integers(START - LATE_MAX_S, START), max_size=LINES_MIN))
def test_a_sample_of_few_lines_has_all_of_them(starts: list[int]) -> None:
    text = b"\n".join(line(start=start) for start in starts)
    assert sorted(sampled_starts([(text, "default", START * 1000)])) == sorted(starts)


@pytest.mark.parametrize("count", [0, 1, TEXTS_MAX, TEXTS_MAX + 1, 1000])
def test_a_sample_is_bounded_has_the_last_texts_and_is_spread_over_the_others(count: int) -> None:
    found = sample(range(count))
    assert len(found) == min(count, TEXTS_MAX)
    assert list(found[-LAST_TEXTS:]) == list(range(count))[-LAST_TEXTS:]
    steps = [after - before for before, after in pairwise(found)]
    assert max(steps, default=1) <= count // (TEXTS_MAX - LAST_TEXTS) + 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_load_whose_calls_are_stored_in_another_order_has_its_newest_start_in_a_sample(seed: int) -> None:
    """Calls in flight together are stored in any order: here, the last one comes first."""
    load = Load(10_000, seed, START)
    batches = list(SimulatedLoad(load, preset(load.preset)).batches())
    calls = [*feed.to_calls(feed.to_records(batches, "cloudwatch"))]
    data = [record.data for call in reversed(calls) for record in call]
    records = [KinesisRecord(str(at), START * 1000, one) for at, one in enumerate(data, 1)]
    context = ParseContext(Naming("s", "1", "r"), "s@1", Formats("default"))
    answer = GetRecordsResponse(records, "more", 0)
    read = joined(list(parse_records(context, "a", answer, Position("0"), START * 1000)))
    newest = max(int(batch.frame["start"].max()) for batch in batches)  # type: ignore[arg-type]
    assert len(calls) > 1
    assert newest - CLOSE_S <= read.newest <= newest
