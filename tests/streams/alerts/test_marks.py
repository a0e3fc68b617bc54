"""The marks of an alert's windows: runs, open breaches and calm tails equal what a text search finds."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.marks import (
    BETWEEN,
    BREACH,
    CALM,
    MARKS_MAX,
    count_calm_tail,
    latest_run,
    open_breach,
    with_mark,
)

W = 60
GAP = "."
"""A window without a mark, in the text of a history."""

histories = st.text(alphabet=f"{BREACH}{BETWEEN}{CALM}{GAP}", max_size=16)


@dataclass(frozen=True)
class One:
    """A window with a mark."""

    window_start: int
    mark: str


def marks_of(history: str) -> tuple[tuple[int, str], ...]:
    """Return the marks of a history with one character for each window."""
    return tuple((W * at, mark) for at, mark in enumerate(history) if mark != GAP)


@given(histories, st.integers(1, 4))
def test_the_latest_run_is_the_last_group_of_adjacent_breaches_that_is_long_enough(
    history: str, hold: int
) -> None:
    runs = [found.start() for found in re.finditer(f"{BREACH}{{{hold},}}", history)]
    assert latest_run(marks_of(history), W, hold) == (W * runs[-1] if runs else None)


@given(histories)
def test_the_calm_tail_is_what_follows_the_last_window_that_is_not_calm(history: str) -> None:
    seen = history.replace(GAP, "")
    assert count_calm_tail(marks_of(history)) == len(seen) - len(seen.rstrip(CALM))


@given(histories)
def test_a_breach_is_open_until_its_neighbour_or_two_later_windows_are_known(history: str) -> None:
    last = history.rfind(BREACH)
    found = open_breach(marks_of(history), W)
    if last < 0:
        assert found is None
        return
    later = history[last + 1 :]
    is_open = later[:1] in {"", GAP} and len(later.replace(GAP, "")) < 2
    assert found == (W * last if is_open else None)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([BREACH, BETWEEN, CALM])), max_size=60))
def test_a_window_has_its_last_mark_and_only_the_newest_windows_are_kept(
    observed: list[tuple[int, str]],
) -> None:
    marks: tuple[tuple[int, str], ...] = ()
    for at, mark in observed:
        before = dict(marks)
        marks = with_mark(marks, One(W * at, mark))
        assert len(marks) <= MARKS_MAX
        assert list(marks) == sorted(marks)
        expected = before | {W * at: mark}
        assert dict(marks) == {start: expected[start] for start in sorted(expected)[-MARKS_MAX:]}


@pytest.mark.parametrize(
    ("history", "run", "breach"),
    [
        ("", None, None),
        ("b", None, 0),
        ("bb", None, W),
        ("bbb", 0, 2 * W),
        ("bbbb", 0, 3 * W),
        ("bb.b", None, 3 * W),
        ("bbbc", 0, None),
        ("bbb.bbb", 4 * W, 6 * W),
        ("b.c", None, 0),
        ("b.cc", None, None),
    ],
)
def test_examples_of_a_hold_of_three(history: str, run: int | None, breach: int | None) -> None:
    marks = marks_of(history)
    assert (latest_run(marks, W, 3), open_breach(marks, W)) == (run, breach)
