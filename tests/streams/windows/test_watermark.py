"""The watermark of the worker: the minimum of what the slots carry, and the exact newest start at the tip."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.progress import NONE
from streams.windows.watermark import CLOSE_S, Time, combined_watermark

times = st.builds(Time, st.integers(NONE, 5000), st.integers(NONE, 5000), st.booleans())


def test_the_slowest_slot_counts() -> None:
    assert combined_watermark([Time(900, 700), Time(800, 600)], 2) == 600


def test_a_slot_that_has_not_said_stops_it() -> None:
    assert combined_watermark([Time(900, 700)], 2) == NONE
    assert combined_watermark([Time(900, 700), Time(900, NONE)], 2) == NONE


def test_when_all_are_caught_up_the_newest_start_counts() -> None:
    assert combined_watermark([Time(930, 900, True), Time(700, 900, True)], 2) == 930


def test_while_one_is_behind_its_watermark_counts() -> None:
    assert combined_watermark([Time(930, 900, True), Time(700, 900, False)], 2) == 900


def test_a_newest_start_far_ahead_of_the_connectors_counts_in_part() -> None:
    assert combined_watermark([Time(9000, 900, True)], 1) == 900 + CLOSE_S


@given(times, times)
def test_the_watermark_of_a_slot_never_goes_back(before: Time, later: Time) -> None:
    after = before.after(later)
    assert (after.watermark, after.newest) >= (before.watermark, before.newest)
    assert after.is_caught_up == later.is_caught_up


@given(st.lists(times, min_size=1, max_size=5), times)
def test_another_slot_can_only_hold_it_back_or_close_the_tip(known: list[Time], other: Time) -> None:
    both = combined_watermark([*known, other], len(known) + 1)
    assert both <= max(combined_watermark(known, len(known)), min(time.watermark for time in known) + CLOSE_S)
    if other.watermark != NONE and not other.is_caught_up:
        assert both <= other.watermark
