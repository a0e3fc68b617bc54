"""A simulated day of an estate through sums, windows and detectors: no Kafka, no clock, one process.

The world makes the traffic, internet noise included; a flow log for each VPC writes it as lines. `played`
counts what fired, and compares it with the planted incidents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.flowlog import DEFAULT_FORMAT, log_format
from emulator.flowlogs.batches import batch
from emulator.flowlogs.flow_log import FlowLog, Settings
from emulator.flowlogs.intervals import Intervals
from emulator.flowlogs.rows import Rows, Surroundings, lines
from emulator.kinesis.wire import Scope
from emulator.ledger import AlertReport, compare_alerts
from emulator.world.casting import cast
from emulator.world.estate import Estate
from emulator.world.living import Minute, World
from emulator.world.scenes import Staged
from emulator.world.staging import Incident
from streams.alerts.watch import Watch
from streams.lines import plan
from streams.records import Alert
from streams.sums import Sums
from streams.windows import Producer, Rules, Windows
from tests.emulator.world.worlds import changed

MONDAY = 29_701_440
"""The minute that begins on Monday, 22 June 2026, at 00:00 UTC."""
DAY = 24 * 60
LEARNING = 30
"""Minutes without incidents at the beginning: three times the warm-up."""
GAP = 20
"""Minutes from the beginning of one incident to that of the next."""
HERE = Scope("000000000000", "us-east-1")
_PLAN = plan(DEFAULT_FORMAT)


@dataclass(slots=True)
class Day:
    """What came of it. `interfaces` are those that had traffic."""

    minutes: int
    lines: int = 0
    interfaces: set[str] = field(default_factory=set)
    alerts: list[Alert] = field(default_factory=list)
    incidents: Sequence[Incident] = ()

    @property
    def report(self) -> AlertReport:
        """The alerts that fired against the incidents."""
        return compare_alerts([one.label for one in self.incidents], self.alerts)

    @property
    def false(self) -> Counter[str]:
        """False alerts by rule."""
        return Counter(alert.rule for alert in self.report.false)  # type: ignore[attr-defined]


def played(
    estate: Estate,
    minutes: int = DAY,
    kinds: Sequence[str] = (),
    first: int = MONDAY,
    on_minute: Callable[[int], None] = lambda minute: None,
) -> Day:
    """Play some minutes of an estate, with an incident of each kind that it has somebody for."""
    world = World(estate, seed=1)
    incidents = cast(estate, world.edges, 1, first + LEARNING, kinds, GAP)
    staged = Staged(tuple(incidents), 1)
    world.stage(staged)
    day, pipeline = Day(minutes, incidents=incidents), _Pipeline()
    feeds = [(Intervals(flow_log), rows) for flow_log, rows in _flow_logs(world)]
    for intervals, _ in feeds:
        intervals.use(world.directory)
    for minute in range(first, first + minutes):
        world.use(changed(world.estate, staged.changes(minute)))
        for text in _texts(world.minute(minute), feeds):
            day.lines += text.count(b"\n") + 1
            pipeline.add(text)
        day.alerts += pipeline.flush(day.interfaces)
        on_minute(minute - first + 1)
    return day


class _Pipeline:
    """The three hops of one partition, called directly."""

    def __init__(self) -> None:
        self._sums, self._windows, self._watch = Sums(60), Windows(Rules()), Watch()
        self._producer = self._windows.producers.setdefault(0, Producer())

    def add(self, text: bytes) -> None:
        self._sums.add(text, _PLAN)

    def flush(self, interfaces: set[str]) -> list[Alert]:
        drained = self._sums.drain()
        self._windows.note(self._producer, drained.newest_start, 0.0)
        self._windows.add(drained.rows, 0)
        interfaces.update(drained.rows["entity"].to_list())
        flushed = self._windows.flush(0.0)
        return self._watch.take(flushed.judged, self._windows.watermark) if len(flushed.judged) else []


def _texts(minute: Minute, feeds: Sequence[tuple[Intervals, Rows]]) -> Iterator[bytes]:
    for intervals, rows in feeds:
        for portion in intervals.add(minute):
            text = lines(batch(portion, rows).frame)
            if len(text):
                yield str(text.str.join("\n").item()).encode()


def _flow_logs(world: World) -> Iterator[tuple[FlowLog, Rows]]:
    for vpc_id in world.estate.vpcs:
        settings = Settings(
            resource_type="VPC",
            traffic_type="ALL",
            destination_type="s3",
            log_destination="arn:aws:s3:::day",
            log_group_name="",
            permission_arn="",
            cross_account_role="",
            log_format=log_format(DEFAULT_FORMAT),
            fields=DEFAULT_FORMAT,
            interval_s=60,
            options=None,
        )
        rows = Rows(world.directory, Surroundings(HERE.account, HERE.region), DEFAULT_FORMAT)
        yield FlowLog(f"fl-{vpc_id}", HERE, vpc_id, settings, 0), rows
