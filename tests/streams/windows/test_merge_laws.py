"""Laws of windows: they hold for any order of partials, any flushes, and a crash after any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streams.records import Aggregate
from streams.sums.partials import Row
from streams.windows.merge import Windows
from tests.build import ENI, row
from tests.streams.windows.window_feed import OTHER, RULES, Key, aggregates_of, by_key, feed, finals_of, keep


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 10_000)), max_size=20))
def test_the_watermark_never_goes_back(steps: list[tuple[int, int]]) -> None:
    windows, seen = Windows(RULES), [0]
    for name, newest in steps:
        feed(windows, name, newest)
        windows.flush()
        seen.append(windows.watermark)
    assert seen == sorted(seen)


STARTS = st.integers(0, 1199)  # the watermark stays below 600, and so nothing is late
some_rows = st.builds(
    lambda start, entity, action, flows, protocol: row(
        start - start % 60, entity, action, flows, protocol, first=start
    ),
    STARTS,
    st.sampled_from([ENI, OTHER, "nat-1", "-"]),
    st.integers(0, 4),
    st.integers(1, 1000),
    st.sampled_from([1, 6, 17, 256]),
)
some_partials = st.lists(st.tuples(st.integers(0, 2), st.lists(some_rows, max_size=5)), max_size=10)
Partial = tuple[int, list[Row]]


def run(partials: Sequence[Partial], flushes: set[int], *, crash_after: int = -1) -> dict[Key, Aggregate]:
    """Apply partials with a flush after some, and then close every window; the last word on each key.

    After the flush at `crash_after`, all but the kept state is thrown away.
    """
    windows, state, told = Windows(RULES), {}, {}

    def flush() -> None:
        flushed = windows.flush()
        assert flushed.late == []
        keep(state, flushed)
        told.update(by_key(aggregates_of(flushed)))

    for at, (name, rows) in enumerate(partials):
        feed(windows, name, max((r[7] for r in rows), default=-1), *rows)
        if at in flushes:
            flush()
            if at == crash_after:
                windows = Windows.load(RULES, state)
    for name in list(windows.producers) or [0]:
        feed(windows, name, 1900)  # the watermark passes every window and purges none
    flush()
    assert all(a.final for a in told.values())
    return told


def totals(told: dict[Key, Aggregate]) -> dict[Key, Aggregate]:
    return {key: replace(a, revision=0, oldest_arrival_ms=0) for key, a in told.items()}


def referee(partials: Sequence[Partial]) -> dict[Key, tuple[int, int, int]]:
    sums: dict[Key, tuple[int, int, int]] = {}
    actions = ("ACCEPT", "REJECT", "NODATA", "SKIPDATA", "-")
    for window, entity, action, _, flows, packets, size, *_ in (r for _, rows in partials for r in rows):
        a = sums.get((entity, actions[action], window), (0, 0, 0))
        sums[entity, actions[action], window] = a[0] + flows, a[1] + packets, a[2] + size
    return sums


@given(some_partials, st.sets(st.integers(0, 9)))
def test_final_totals_are_the_sums_of_the_rows(partials: list[Partial], flushes: set[int]) -> None:
    told = run(partials, flushes)
    assert {key: (a.flows, a.packets, a.bytes) for key, a in told.items()} == referee(partials)


@given(some_partials, st.data())
def test_neither_order_nor_flushes_change_the_final_totals(
    partials: list[Partial], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(partials))
    flushes = data.draw(st.sets(st.integers(0, 9)))
    assert totals(run(shuffled, flushes)) == totals(run(partials, set()))


@given(some_partials, st.sets(st.integers(0, 9), min_size=1), st.data())
def test_a_crash_after_any_flush_changes_nothing(
    partials: list[Partial], flushes: set[int], data: st.DataObject
) -> None:
    crash_after = data.draw(st.sampled_from(sorted(flushes)))
    assert run(partials, flushes, crash_after=crash_after) == run(partials, flushes)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9000), st.integers(0, 9000)), max_size=12), st.data()
)
def test_reloading_before_every_flush_tells_the_same_with_late_rows_and_purges(
    steps: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    plain, reloaded = Windows(RULES), Windows(RULES)
    state: dict[bytes, bytes] = {}
    for name, newest, start in steps:
        flow = row(start - start % 60, data.draw(st.sampled_from([ENI, OTHER])), first=start)
        feed(plain, name, newest, flow)
        feed(reloaded, name, newest, flow)
        expected, found = plain.flush(), reloaded.flush()
        assert by_key(aggregates_of(found)) == by_key(aggregates_of(expected))
        assert by_key(finals_of(found)) == by_key(finals_of(expected))
        assert found.late == expected.late
        keep(state, found)
        reloaded = Windows.load(RULES, state)
        assert (reloaded.watermark, reloaded.offset) == (plain.watermark, plain.offset)
        assert reloaded.producers == plain.producers


def test_no_state_loads_as_a_beginning() -> None:
    assert Windows.load(RULES, {}) == Windows(RULES)
