"""A window settles when nothing of note is added to it any more: the allowance follows from arrivals."""

from __future__ import annotations

import pytest

from connectors.progress import NONE, SlotProgress
from streams.records import Aggregate
from streams.web.state import settling
from streams.web.state.board import Board
from streams.web.state.history import History


def arrive(history: History, start: int, flows: int, revision: int, complete_to: int) -> None:
    """Let a window have so many flows when the watermark is at `complete_to`."""
    one = Aggregate(
        "eni-a", "ACCEPT", start, 60, flows, 1, 1, start, start, {}, 0, 0, revision, False, 0
    )  # fmt: skip
    history.read(one.encode(), 0.0, complete_to)


def history_with(lateness_s: int, share: float, windows: int = 15) -> History:
    """Build a history in which a share of each window's flows comes so long after its end."""
    history = History()
    for number in range(windows):
        end = number * 60 + 60
        arrive(history, number * 60, round(1000 * (1 - share)), 1, end)
        arrive(history, number * 60, 1000, 2, end + lateness_s)
    return history


def test_the_allowance_is_a_capture_interval_and_delivery_before_there_is_evidence() -> None:
    assert settling.allowance_s([]) == settling.FIRST_S
    assert settling.allowance_s(history_with(10, 0.5, windows=9).windows()) == settling.FIRST_S


@pytest.mark.parametrize(
    ("lateness_s", "share", "allowance_s"),
    [
        (0, 0.5, 60),
        (50, 0.5, 60),
        (100, 0.5, 120),
        (300, 0.02, 300),
        (300, 0.005, 60),
        (590, 0.5, 600),
        (9000, 0.5, 600),
    ],
)
def test_the_allowance_covers_all_but_one_flow_in_a_hundred(
    lateness_s: int, share: float, allowance_s: int
) -> None:
    assert settling.allowance_s(history_with(lateness_s, share).windows()) == allowance_s


def test_a_capture_interval_of_ten_minutes_raises_the_allowance_at_once() -> None:
    assert settling.allowance_s(history_with(480, 0.5, windows=1).windows()) == 480


def test_only_what_is_new_is_evidence() -> None:
    """An aggregate read again after a restart says nothing of how late its lines came."""
    board = Board()
    board.progress.count = 1
    board.take_progress(0, SlotProgress((), 1, 100_000, 100_000, 0).encode())
    for is_fresh, grown in ((False, 0), (True, 7)):
        one = Aggregate("e", "ACCEPT", 600 * grown, 60, 7, 1, 1, 0, 0, {}, 0, 0, 1, False, 0)
        board.take_aggregate(one.encode(), 0.0, is_fresh=is_fresh)
        assert sum(board.history.windows()[-1].grown) == grown


def test_nothing_settles_without_a_watermark() -> None:
    windows = history_with(0, 0.5).windows()
    assert settling.newest_settled(windows, NONE) is None
    assert settling.newest_settled([], 10_000) is None
    assert settling.newest_settled(windows, 59) is None
    assert settling.newest_settled(windows, 120) == 0
    assert settling.newest_settled(windows, 10_000) == 12, "the newest window limits the watermark"
