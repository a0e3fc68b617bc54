"""The history as a state machine: ring, ranges, totals and ENIs equal those of a dictionary of aggregates.

Upserts of any revision and order, windows that come and go, ENIs that are named again after they were gone,
messages in a foreign format, and range queries after each of them.
"""

from __future__ import annotations

from collections import defaultdict

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.records import Aggregate
from streams.web.state.history import ACTIONS, AHEAD_S, TRAFFIC_LANES, ForeignMessage, History, Window

KEEP = 6
W = 60
STEPS = 40
TRAFFIC = ACTIONS[:TRAFFIC_LANES]
Key = tuple[str, str, int]

enis = st.sampled_from([f"eni-{n}" for n in range(6)])
counts = st.integers(0, 1 << 40)
upserts = st.builds(
    lambda key, counted, revision, final, arrival_ms: Aggregate(
        key[0], key[1], W * key[2], W, *counted, 0, 0, {}, 0, 0, revision, final, arrival_ms
    ),
    st.tuples(enis, st.sampled_from(ACTIONS), st.integers(0, 12)),
    st.tuples(counts, counts, counts),
    st.integers(1, 5),
    st.booleans(),
    st.integers(0, 9),
)
FOREIGN = ("eni", "flows", "window_start", "action", "revision")


def add(history: History, one: Aggregate) -> int:
    """Apply an aggregate as it stands on the topic."""
    return history.read(one.encode())


class HistoryMachine(RuleBasedStateMachine):
    """A history of `KEEP` windows; `newest` has the newest aggregate of each key in a kept window."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History(KEEP)
        self.newest: dict[Key, Aggregate] = {}
        self.superseded = self.aged = self.moment = 0

    @rule(one=upserts)
    def upsert(self, one: Aggregate) -> None:
        before = self.history.version
        assert add(self.history, one) == one.oldest_arrival_ms
        kept = {window for _, _, window in self.newest} | {one.window_start}
        if len(kept) > KEEP and one.window_start == min(kept):
            self.aged += 1
            assert self.history.version == before
            return
        if len(kept) > KEEP:
            gone = min(kept)
            self.newest = {key: value for key, value in self.newest.items() if key[2] != gone}
        key = one.eni, one.action, one.window_start
        held = self.newest.get(key)
        if held is not None and (held.revision, held.final) > (one.revision, one.final):
            self.superseded += 1
            assert self.history.version == before
            return
        self.newest[key] = one
        assert self.history.version == before + 1

    @rule(field=st.sampled_from(FOREIGN), minute=st.integers(0, 99))
    def foreign(self, field: str, minute: int) -> None:
        """A message with a foreign field changes nothing, in whatever window it is."""
        row = Aggregate("eni-9", "ACCEPT", W * minute, W, 1, 1, 1, 0, 0, {}, 0, 0, 1, False, 0)
        value = {**orjson.loads(row.encode()), field: None}
        with pytest.raises(ForeignMessage):
            self.history.read(orjson.dumps(value))

    def _starts(self) -> list[int]:
        return sorted({window for _, _, window in self.newest})

    @invariant()
    def the_windows_are_those_of_the_newest_aggregates(self) -> None:
        windows = self.history.windows()
        assert [window.start for window in windows] == self._starts()
        assert len(self.history) == len(windows) <= KEEP
        for window in windows:
            self._is_the_sum(window)
        assert (self.history.superseded, self.history.aged) == (self.superseded, self.aged)

    def _is_the_sum(self, window: Window) -> None:
        rows = {key: one for key, one in self.newest.items() if key[2] == window.start}
        for lane, action in enumerate(ACTIONS):
            own = [one for (_, its, _), one in rows.items() if its == action]
            sums = [sum(getattr(one, name) for one in own) for name in ("flows", "packets", "bytes")]
            assert window.totals[lane] == sums
        assert window.is_final == all(one.final for one in rows.values())
        assert window.end == window.start + W
        assert window.version <= self.history.version

    @precondition(lambda self: self.newest)
    @rule(range_s=st.integers(1, 900))
    def ask(self, range_s: int) -> None:
        """A range is counted back from the end of the newest window."""
        starts = self._starts()
        found = self.history.windows(range_s)
        assert [window.start for window in found] == [s for s in starts if s >= starts[-1] + W - range_s]
        expected: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        asked = {window.start for window in found}
        for (eni, action, start), one in self.newest.items():
            if start in asked and action in TRAFFIC:
                sums = expected[eni]
                for at, value in enumerate((one.flows, one.packets, one.bytes)):
                    sums[at] += value
                sums[3] += one.flows if action == "REJECT" else 0
        sums = self.history.by_eni(found)
        named = {self.history.names[at]: row for at, row in enumerate(sums.tolist()) if any(row)}
        assert named == {eni: row for eni, row in expected.items() if any(row)}

    @invariant()
    def indexes_are_reused(self) -> None:
        """ENIs of kept windows have an index, and the table is no larger than all ENIs that were seen."""
        named = {eni for eni, _, _ in self.newest}
        assert named <= set(self.history.names)
        assert len(named) <= self.history.enis <= len(self.history.names) <= 6


TestHistory = HistoryMachine.TestCase
TestHistory.settings = settings(stateful_step_count=STEPS)


def test_churn_of_interfaces_does_not_grow_the_table() -> None:
    """A thousand ENIs, each in one window: those of the kept windows have an index, and no others."""
    history = History(KEEP)
    for minute in range(1000):
        one = Aggregate(f"eni-{minute}", "ACCEPT", W * minute, W, 1, 1, 1, 0, 0, {}, 0, 0, 1, True, 0)
        add(history, one)
        assert history.enis <= KEEP
    assert len(history.names) <= KEEP + 1
    sums = history.by_eni(history.windows())
    assert sums.sum(axis=0).tolist() == [KEEP, KEEP, KEEP, 0]


def test_a_gap_of_an_hour_or_less_hides_nothing() -> None:
    history = History(KEEP)
    for start in (0, W, 2 * W, 3 * W + AHEAD_S):
        add(history, Aggregate("e", "ACCEPT", start, W, 1, 1, 1, 0, 0, {}, 0, 0, 1, True, 0))
    assert (len(history.windows()), history.ahead) == (4, 0)
