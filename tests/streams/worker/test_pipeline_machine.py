"""The three hops as a state machine: every line is summed exactly once, in spite of losses and crashes.

Two partitions of each hop, with slots in memory. Messages are delivered in any portions; some are dropped on
the way, as Faust may do around a rebalance, and some come again. A hop that crashes begins at what it
committed. At the end, the newest aggregates and the late rows together are the sums of all lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.settings import Work
from streams.numbering import Input, Output, Rewind
from streams.records import Aggregate
from streams.sums import partials
from streams.windows.aggregate_encoding import with_final
from streams.worker.detect import DetectHop
from streams.worker.hops import Hop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import block, decode_aggregate, line
from tests.streams.worker.kept import KeptSlot

SLOTS = 2
STEPS = 30
T0 = 1_700_000_040
SETTINGS = Work.model_validate({"slots": SLOTS, "prefix": "", "lateness_s": 60, "retention_s": 300})
HOPS = {"blocks": SumHop, "partials": MergeHop, "finals": DetectHop}
ENIS = [f"eni-{n:017x}" for n in range(4)]

one_line = st.tuples(
    st.sampled_from(ENIS), st.sampled_from(["ACCEPT", "REJECT"]), st.integers(0, 1200), st.integers(1, 9)
)
Place = tuple[str, int]
places = st.tuples(st.sampled_from(sorted(HOPS)), st.integers(0, SLOTS - 1))


def done(running: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing, as hops on a slot in memory do."""
    try:
        running.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


class PipelineMachine(RuleBasedStateMachine):
    """Logs of messages by topic and partition, the hops that read them, and their read positions."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.logs: dict[Place, list[Input]] = {(topic, q): [] for topic in HOPS for q in range(SLOTS)}
        self.published: list[Any] = []
        self.expected: Counter[tuple[str, str, int]] = Counter()
        self.outputs = [Output() for _ in range(SLOTS)]
        self.slots = {place: KeptSlot({}, place[1]) for place in self.logs}
        self.hops: dict[Place, Hop] = {}
        self.positions: dict[Place, int] = {}
        self.seeks: dict[Place, int] = {}
        self.committed = dict.fromkeys(self.logs, 0)
        for place in self.logs:
            self._open(place)

    def _open(self, place: Place) -> None:
        topic, partition = place
        hop = HOPS[topic](SETTINGS, partition)
        hop.slot = self.slots[place]
        done(hop.open(self.now))
        self.hops[place] = hop
        self.positions[place] = hop.next_offset
        self.seeks.pop(place, None)

    @rule(
        lines=st.lists(st.tuples(st.integers(0, SLOTS - 1), one_line), max_size=8),
        watermark=st.sampled_from([0, 300, 700, 1200]),
        blocks=st.integers(1, 3),
        is_scan=st.booleans(),
    )
    def send(
        self,
        lines: list[tuple[int, tuple[str, str, int, int]]],
        watermark: int,
        blocks: int,
        is_scan: bool,
    ) -> None:
        """Append blocks to the log of each connector's slot; a scan is sixty rejected ports."""
        for slot in range(SLOTS):
            found = [(*one, 443) for its, one in lines if its == slot]
            if is_scan and found:
                eni, _, second, packets, _ = found[0]
                found += [(eni, "REJECT", second, packets, port) for port in range(1, 61)]
            for eni, action, second, *_ in found:
                self.expected[eni, action, T0 + second // 60 * 60] += 1
            for nth in range(blocks):
                texts = [
                    line(interface_id=eni, action=action, start=T0 + second, packets=packets, dstport=port)
                    for eni, action, second, packets, port in found[nth::blocks]
                ]
                self._append(slot, block(*texts), len(texts), watermark)

    def _append(self, slot: int, text: bytes, count: int, watermark: int) -> None:
        headers = {"format": b"default", "arrival_ms": b"%d" % (1000 * (T0 + 1300))}
        headers |= {"watermark": b"%d" % (T0 + watermark), "caught_up": b"0"}
        message = self.outputs[slot].message("blocks", slot, text, count, **headers)
        log = self.logs["blocks", slot]
        log.append(Input(len(log), dict(message.headers), message.value or b""))

    @rule(place=places, count=st.integers(1, 5))
    def deliver(self, place: Place, count: int) -> None:
        """Offer messages; a seek that a hop asks for takes effect only after them, as those are fetched."""
        self._seek(place)
        for _ in range(count):
            self._offer(place)

    @rule(topic=st.sampled_from(sorted(HOPS)))
    def work(self, topic: str) -> None:
        """Let the readers of a topic read everything, and commit."""
        for partition in range(SLOTS):
            self._finish((topic, partition))

    @rule()
    def work_on_all(self) -> None:
        """Let every hop read everything, and commit."""
        for place in self.logs:
            self._finish(place)

    def _seek(self, place: Place) -> bool:
        """Go back to where a hop asked to read again; return whether it did."""
        if place not in self.seeks:
            return False
        self.positions[place] = self.seeks.pop(place)
        return True

    def _offer(self, place: Place) -> bool:
        """Offer the next message to a hop; return whether there was one."""
        log, at = self.logs[place], self.positions[place]
        if at >= len(log):
            return False
        verdict = self.hops[place].offer(log[at], self.now)
        self.positions[place] = at + 1
        if isinstance(verdict, Rewind):
            assert verdict.offset < at
            assert verdict.missing > 0
            self.seeks.setdefault(place, verdict.offset)
        return True

    @rule(place=places)
    def lose(self, place: Place) -> None:
        """Lose all messages that are on the way but the last, which shows the gap."""
        if len(self.logs[place]) - self.positions[place] > 1:
            self.positions[place] = len(self.logs[place]) - 1
            self._offer(place)

    @rule(slot=st.integers(0, SLOTS - 1), lines=st.lists(one_line, min_size=2, max_size=4))
    def send_and_lose(self, slot: int, lines: list[tuple[str, str, int, int]]) -> None:
        """Append a block for each line, and lose all but the last."""
        for eni, action, second, packets in lines:
            self.expected[eni, action, T0 + second // 60 * 60] += 1
            text = line(interface_id=eni, action=action, start=T0 + second, packets=packets)
            self._append(slot, text, 1, 0)
        self.lose(("blocks", slot))

    @rule(place=places, count=st.integers(1, 4))
    def repeat(self, place: Place, count: int) -> None:
        self.positions[place] = max(self.positions[place] - count, 0)

    @rule(place=places)
    def flush(self, place: Place) -> None:
        """Commit, and append what was sent to the logs of the next hop."""
        self.now += 2.0
        slot = self.slots[place]
        done(self.hops[place].flush(self.now))
        for message in slot.sent:
            log = self.logs.get((message.topic, message.partition or 0))
            if log is None:
                self.published.append(message)
            else:
                log.append(Input(len(log), dict(message.headers), message.value or b""))
        slot.sent.clear()
        self.committed[place] = self.hops[place].next_offset

    @rule(place=places)
    def crash(self, place: Place) -> None:
        """Lose what is not committed."""
        self._open(place)
        assert self.hops[place].next_offset == self.committed[place]

    @rule()
    def crash_all(self) -> None:
        """Lose what no hop has committed, as when every worker is killed."""
        for place in self.logs:
            self.crash(place)

    @invariant()
    def positions_never_pass_what_was_applied(self) -> None:
        for place, hop in self.hops.items():
            assert 0 <= hop.next_offset <= len(self.logs[place])

    def _finish(self, place: Place) -> None:
        while self._seek(place) or self._offer(place):
            pass
        self.flush(place)

    def teardown(self) -> None:
        """Close every window, deliver everything, and compare the result with the lines."""
        for slot in range(SLOTS):
            self._append(slot, b"", 0, 10_000)
        for topic in HOPS:
            for partition in range(SLOTS):
                self._finish((topic, partition))
                self.flush((topic, partition))
                assert self.hops[topic, partition].next_offset == len(self.logs[topic, partition])
        newest: dict[bytes, Aggregate] = {}
        found: Counter[tuple[str, str, int]] = Counter()
        for message in self.published:
            if message.topic == "aggregates":
                self._is_next(newest.get(message.key), decode_aggregate(message.value))
                newest[message.key] = decode_aggregate(message.value)
            elif message.topic == "dead":
                for window, entity, action, _, flows, *_ in orjson.loads(message.value):
                    found[entity, action, window] += flows
        for one in newest.values():
            assert one.final
            found[one.eni, one.action, one.window_start] += one.flows
        assert found == self.expected
        self._alerts_are_published_once()
        self._finals_are_final(newest)

    @staticmethod
    def _is_next(before: Aggregate | None, one: Aggregate) -> None:
        assert one.revision == (before.revision if before else 0) + 1
        assert one.flows >= (before.flows if before else 0)

    def _alerts_are_published_once(self) -> None:
        """The alerts are those of a hop that reads `finals` once, without a crash."""
        for partition in range(SLOTS):
            hop = DetectHop(SETTINGS, partition)
            hop.slot = slot = KeptSlot({}, partition)
            done(hop.open(0.0))
            for message in self.logs["finals", partition]:
                assert hop.offer(message, 0.0) is None
            done(hop.flush(0.0))
            published = [m for m in self.published if (m.topic, m.partition) == ("alerts", partition)]
            assert published == slot.messages("alerts")

    def _finals_are_final(self, newest: dict[bytes, Aggregate]) -> None:
        """The newest row of each key in `finals` equals the newest aggregate."""
        rows: dict[bytes, dict[str, Any]] = {}
        for partition in range(SLOTS):
            for message in self.logs["finals", partition]:
                for row in with_final(partials.decode(message.value)).to_dicts():
                    rows[f"{row['eni']}|{row['action']}|{row['window_start']}".encode()] = row
        assert {key: row["flows"] for key, row in rows.items()} == {
            key: one.flows for key, one in newest.items()
        }
        assert all(row["final"] for row in rows.values())


TestPipeline = PipelineMachine.TestCase
TestPipeline.settings = settings(stateful_step_count=STEPS)
