"""Windows as a state machine: every flush equals a reference in plain Python, whatever came before it.

Partials of two producers in any order and split, watermarks that jump, stand still and fall behind, flushes
at any time, and crashes that lose everything since the last flush.
"""

from __future__ import annotations

from copy import deepcopy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.records import Aggregate
from streams.sums.partials import Row, frame
from streams.windows.merge import Rules, Windows
from streams.windows.partial import Partial
from streams.windows.position import Producer
from streams.windows.watermark import Time
from tests.build import ENI, maps_of, row
from tests.streams.windows.window_feed import (
    OTHER,
    Key,
    aggregates_of,
    by_key,
    finals_of,
    keep,
    kept_aggregates,
)
from tests.streams.windows.window_model import Reference

RULES = Rules(window_s=60, lateness_s=120, retention_s=300, slots=2)
STEPS = 15

some_rows = st.builds(
    lambda minute, second, entity, action, flows, protocol: row(
        60 * minute, entity, action, flows, protocol, first=60 * minute + second
    ),
    st.integers(0, 20),
    st.integers(0, 59),
    st.sampled_from([ENI, OTHER, "nat-1"]),
    st.integers(0, 4),
    st.integers(1, 1000),
    st.sampled_from([6, 17, 256]),
)
scans = st.builds(
    lambda minute, ports, sources: (
        *row(60 * minute, ENI, action=1, flows=ports)[:-1],
        maps_of(range(ports), range(sources)),
    ),
    st.integers(0, 20),
    st.sampled_from([20, 60, 200]),
    st.sampled_from([1, 30]),
)
event_times = st.builds(
    lambda minute, beside: 60 * minute + beside, st.integers(0, 28), st.sampled_from([0, 0, -1, 1])
)
"""Event times at the ends of windows and a second beside them; -1 is `NONE`."""


class WindowsMachine(RuleBasedStateMachine):
    """`Windows` next to the reference; `committed` is the reference at the last flush."""

    def __init__(self) -> None:
        super().__init__()
        self.windows, self.state = Windows(RULES), dict[bytes, bytes]()
        self.reference = Reference(RULES)
        self.committed = deepcopy(self.reference)
        self.published: dict[Key, Aggregate] = {}
        self.offset = 0

    @rule(
        name=st.integers(0, 1),
        rows=st.lists(st.one_of(some_rows, scans), max_size=4),
        newest=event_times,
        watermark=event_times,
        is_caught_up=st.booleans(),
        arrival_ms=st.integers(0, 3),
    )
    def feed(
        self, name: int, rows: list[Row], newest: int, watermark: int, is_caught_up: bool, arrival_ms: int
    ) -> None:
        producer = self.windows.producers.setdefault(name, Producer())
        producer.read.number, producer.read.offset = producer.read.number + 1, self.offset
        self.offset += 1
        self.windows.advance(producer, Time(newest, watermark, is_caught_up))
        if rows:
            self.windows.add(Partial.of(frame(rows), arrival_ms=arrival_ms))
        self.reference.feed(name, (newest, watermark, is_caught_up), rows, arrival_ms)

    @rule()
    def flush(self) -> None:
        flushed, expected = self.windows.flush(), self.reference.flush()
        found = aggregates_of(flushed)
        assert len(by_key(found)) == len(found), "a flush publishes each aggregate once"
        assert by_key(found) == expected.aggregates
        assert [key for key, _ in flushed.published] == [one.key for one in found]
        assert by_key(finals_of(flushed)) == expected.finals
        assert sorted(flushed.late) == sorted(expected.late)
        for one in found:
            self._follows(one)
        assert set(by_key(kept_aggregates(self.windows))) == set(self.reference.cells)
        keep(self.state, flushed)
        self.committed = deepcopy(self.reference)

    def _follows(self, one: Aggregate) -> None:
        """Check an aggregate against the one that was published before it under the same key."""
        key = one.eni, one.action, one.window_start
        before = self.published.get(key)
        if before is not None:
            assert one.revision == before.revision + 1
            assert one.final or not before.final, "a final aggregate remains final"
            totals = one.flows, one.packets, one.bytes, one.last
            assert totals >= (before.flows, before.packets, before.bytes, before.last)
            if one.final and before.final:
                assert one.flows > before.flows, "a final aggregate is published again only if it is amended"
        self.published[key] = one

    @rule()
    def crash(self) -> None:
        """Lose everything since the last flush. The hop reads it again, or here: never."""
        self.windows = Windows.load(RULES, self.state)
        self.reference = deepcopy(self.committed)
        self.offset = self.windows.offset + 1

    @invariant()
    def the_next_flush_is_known(self) -> None:
        assert self.windows.next_watermark() == self.reference.next_watermark()
        assert self.windows.is_due() == self.reference.is_due()
        assert self.windows.watermark == self.reference.watermark

    def teardown(self) -> None:
        """Close every window: then each aggregate that is kept has been published as final."""
        for name in (0, 1):
            self.feed(name, [], 10_000, 10_000, is_caught_up=True, arrival_ms=0)
        kept = set(self.reference.cells)
        self.flush()
        assert all(self.published[key].final for key in kept)
        assert all(value for key, value in self.state.items() if key.startswith(b"w"))
        assert not self.reference.cells
        assert not list(kept_aggregates(self.windows))


class ReadAgainMachine(WindowsMachine):
    """The same with the state read again before every step: a process that crashes all the time."""

    @initialize()
    def begin(self) -> None:
        self.flush()

    @rule()
    def flush(self) -> None:
        super().flush()
        self.windows = Windows.load(RULES, self.state)


TestWindows = WindowsMachine.TestCase
TestWindows.settings = settings(stateful_step_count=STEPS)
TestReadAgain = ReadAgainMachine.TestCase
TestReadAgain.settings = settings(stateful_step_count=STEPS)
