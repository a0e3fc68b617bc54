"""What was published, as the referee of a replay sees it: which of the old windows are final."""

from __future__ import annotations

import pytest

from streams.replay.observer import Finals, Observer, Seen


def observer(*windows: tuple[int, bool]) -> Observer:
    """Return an observer of one interface with windows that are final or not."""
    seen = {("e", "ACCEPT", at): Seen(1, 1, 1, at, at + 9, 1, is_final) for at, is_final in windows}
    return Observer(aggregates=seen)


@pytest.mark.parametrize(
    ("final_to", "expected"), [(59, (0, 0)), (60, (1, 1)), (120, (1, 2)), (180, (2, 3)), (999, (2, 4))]
)
def test_windows_that_end_by_a_time_are_old(final_to: int, expected: tuple[int, int]) -> None:
    seen = observer((0, True), (60, False), (120, True), (180, False))
    assert seen.finals(final_to) == Finals(*expected)
    assert seen.finals(final_to).is_complete == (expected[0] == expected[1])


def test_the_newest_window_is_that_of_any_interface() -> None:
    assert observer((60, False), (0, True)).newest_window() == 60
    assert Observer().newest_window() == 0
