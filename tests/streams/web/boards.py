"""Boards with any traffic, for tests of what is answered from them: strategies and plain sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from streams.records import Aggregate
from streams.web.state.board import Board

W = 60
BEGIN = 1_700_000_040
ENIS = ["eni-a", "eni-b", "eni-c", 'odd,"eni"', "eni-ü"]
ACTIONS = ["ACCEPT", "REJECT", "-", "NODATA", "SKIPDATA"]

counts = st.one_of(st.integers(0, 2), st.integers(0, 10**9))
aggregates = st.builds(
    lambda key, counted, final: Aggregate(
        key[0], key[1], BEGIN + W * key[2], W, *counted, 0, 0, {}, 0, 0, 1, final, 0
    ),
    st.tuples(st.sampled_from(ENIS), st.sampled_from(ACTIONS), st.integers(0, 178)),
    st.tuples(counts, counts, counts),
    st.booleans(),
)
BRIDGES = [
    Aggregate("eni-z", "ACCEPT", BEGIN + W * minute, W, 1, 2, 3, 0, 0, {}, 0, 0, 1, True, 0)
    for minute in (59, 119)
]
"""Without them there may be a gap of more than an hour, and the windows after it are hidden."""

traffic = st.lists(aggregates, max_size=25, unique_by=lambda one: one.key).map(
    lambda found: [*found, *BRIDGES] if found else []
)
"""Aggregates of different keys within three hours, or none."""


def board_of(found: Sequence[Aggregate], now: float = BEGIN) -> Board:
    """Return a board that has taken some aggregates."""
    board = Board()
    for one in found:
        board.take_aggregate(one.encode(), now)
    return board


def within(found: Sequence[Aggregate], range_s: int, keep: int = 180) -> list[Aggregate]:
    """Return the aggregates that a range shows: counted back from the newest end, at most `keep` windows."""
    starts = sorted({one.window_start for one in found})[-keep:]
    since = starts[-1] + W - range_s if starts else 0
    return [one for one in found if one.window_start >= max(since, starts[0] if starts else 0)]


def rejects(one: Aggregate) -> int:
    """Return the rejected flows of an aggregate."""
    return one.flows if one.action == "REJECT" else 0


def later(one: Aggregate, added: int) -> Aggregate:
    """Return the next revision of an aggregate, with more flows."""
    return replace(one, revision=one.revision + 1, flows=one.flows + added)
