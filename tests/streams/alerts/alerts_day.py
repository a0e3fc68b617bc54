"""A simulated day of an estate through sums, windows and detectors: no Kafka, no clock, one process.

The world makes the traffic; a flow log for each VPC writes it as lines. The world's own internet noise is
even (two probes a minute of each public address), and real noise is not: its strength differs by address, and
it comes in bursts. `Noise` adds that. `played` compares what fired with the planted incidents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from connectors.vpc.estate import Estate
from emulator.flowlogs.flow_log import FlowLog, Settings
from emulator.flowlogs.player.delivery.batches import batch
from emulator.flowlogs.player.intervals import Intervals
from emulator.flowlogs.player.rows import Rows, Surroundings, lines
from emulator.ledger.ledger import AlertReport, compare_alerts
from emulator.scope import Scope
from emulator.world.incidents.changes import changed
from emulator.world.incidents.incident import Incident
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.targets import cast
from emulator.world.simulation import Minute, World
from emulator.world.traffic.profiles import SCANNED_PORTS
from streams.alerts.evaluator import Evaluator
from streams.records import Alert
from streams.sums.accumulator import Sums
from streams.sums.lines import plan
from streams.windows.merge import Rules, Windows
from streams.windows.partial import Partial
from streams.windows.position import Producer
from streams.windows.watermark import Time

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
    on_alert: Callable[[int, Alert], None] = lambda minute, alert: None,
) -> Day:
    """Play some minutes of an estate, with an incident of each kind that it has targets for."""
    world = World(estate, seed=1)
    incidents = cast(estate, world.edges, 1, first + LEARNING, kinds, GAP)
    staged = Staged(tuple(incidents), 1)
    world.stage(staged)
    day, pipeline, noise = Day(minutes, incidents=incidents), Pipeline(), Noise(estate)
    feeds = [(Intervals(flow_log), rows) for flow_log, rows in _flow_logs(world)]
    for intervals, _ in feeds:
        intervals.use(world.directory)
    for minute in range(first, first + minutes):
        world.use(changed(world.estate, staged.changes(minute)))
        for text in (*_texts(world.minute(minute), feeds), noise.text(minute)):
            day.lines += text.count(b"\n") + bool(text)
            pipeline.add(text)
        for alert in pipeline.flush(day.interfaces):
            day.alerts.append(alert)
            on_alert(minute, alert)
        on_minute(minute - first + 1)
    return day


class Noise:
    """Rejected probes of public interfaces, as the internet sends them, all day and in bursts.

    The figures are our choice: a median of eight a minute, a tenth of the addresses with thirty or more, and
    four bursts a day of one or two minutes with about sixty probes each, at times hundreds. Half of the
    probes are for well-known ports, half for any. Each has a source of its own, or it would be a scan; no
    burst lasts for three minutes, or it would be an incident as far as rejects can show.
    """

    def __init__(self, estate: Estate, seed: int = 1) -> None:
        self._rng = np.random.Generator(np.random.PCG64([seed, 0x9015E]))
        public = [estate.enis[one] for one in sorted(estate.enis) if estate.enis[one].public_ips]
        self._heads = [f"2 {HERE.account} {eni.interface_id}" for eni in public]
        self._addresses = [eni.private_ips[0] for eni in public]
        self._mean = np.minimum(self._rng.lognormal(np.log(8), 1.0, len(public)), 60)
        self._burst = np.zeros(len(public))

    def text(self, minute: int) -> bytes:
        """Return the lines of a minute."""
        rng, count = self._rng, len(self._heads)
        # A burst begins every six hours on average, and half of them go on for a second minute.
        begins = rng.random(count) < 4 / DAY
        goes_on = rng.random(count) < 0.5
        size = np.where(begins, rng.lognormal(4, 0.8, count), self._burst)
        self._burst = np.where(begins & goes_on, size, 0)
        probes = rng.poisson(rng.gamma(3, self._mean / 3) + size)
        return "\n".join(self._probe(at, minute) for at in np.repeat(np.arange(count), probes)).encode()

    def _probe(self, at: int, minute: int) -> str:
        draw = self._rng.integers(0, 1 << 30, 3).tolist()
        source = f"45.{128 + (draw[0] >> 16 & 15)}.{draw[0] >> 8 & 255}.{draw[0] & 255}"
        well_known, second = SCANNED_PORTS[draw[1] % len(SCANNED_PORTS)], minute * 60 + draw[2] % 60
        port = well_known if draw[2] & 1 << 20 else 1 + (draw[1] >> 8) % 65_535
        ports = f"{32_768 + draw[1] % 28_000} {port} 6 1 44 {second} {second}"
        return f"{self._heads[at]} {source} {self._addresses[at]} {ports} REJECT OK"


class Pipeline:
    """The three hops of one partition, called directly. The allowed lateness is the default."""

    def __init__(self) -> None:
        self._sums, self._windows, self._evaluator = Sums(60), Windows(Rules(slots=1)), Evaluator()
        self._producer = self._windows.producers.setdefault(0, Producer())

    def add(self, text: bytes) -> None:
        self._sums.add(text, _PLAN)

    def flush(self, interfaces: set[str]) -> list[Alert]:
        drained = self._sums.drain()
        self._windows.advance(
            self._producer, Time(drained.newest_start, drained.newest_start, is_caught_up=True)
        )
        self._windows.add(Partial.of(drained.rows))
        interfaces.update(drained.rows["entity"].to_list())
        flushed = self._windows.flush()
        if not len(flushed.detector_rows):
            return []
        return self._evaluator.evaluate(flushed.detector_rows, self._windows.watermark)


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
