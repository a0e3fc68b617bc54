"""The bound on what moto keeps: the fullest streams are emptied, until half is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.flowlogs.subscriptions.kept_events import KeptEvents
from emulator.scope import Scope

HERE, THERE = Scope("111111111111", "eu-west-1"), Scope("222222222222", "eu-west-1")


def test_nothing_is_emptied_up_to_the_bound() -> None:
    kept = KeptEvents(most=10)
    kept.add((HERE, "g", "a"), 10)
    assert kept.to_empty() == []


def test_the_fullest_go_first_until_half_is_left() -> None:
    kept = KeptEvents(most=10)
    for name, events in (("a", 2), ("b", 5), ("c", 4)):
        kept.add((HERE, "g", name), events)
    assert kept.to_empty() == [(HERE, "g", "b"), (HERE, "g", "c")]


def test_what_is_deleted_counts_no_more() -> None:
    kept = KeptEvents()
    for scope, group, stream in ((HERE, "g", "a"), (HERE, "g", "b"), (HERE, "h", "a"), (THERE, "g", "a")):
        kept.add((scope, group, stream), 1)
    kept.forget(HERE, "g", "a")
    assert kept.total == 3
    kept.forget(HERE, "g")
    assert kept.total == 2


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), max_size=40), st.integers(1, 50))
def test_at_most_half_is_left_whatever_came(puts: list[tuple[str, int]], most: int) -> None:
    kept = KeptEvents(most)
    for name, events in puts:
        kept.add((HERE, "g", name), events)
    to_empty = kept.to_empty()
    for stream in to_empty:
        kept.forget(*stream)
    assert kept.total <= (most // 2 if to_empty else most)
