"""The simulation of one account and Region: its estate, read from EC2, and the batches of each flow log.

If EC2 has changed, the estate is read again. A removed security group rule takes effect in the next minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from connectors.vpc.ec2.reading import EstateReading, read
from connectors.vpc.estate import Estate
from emulator.flowlogs.boto_errors import NO_ANSWER
from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.player.delivery.batches import IntervalBatch, batch
from emulator.flowlogs.player.intervals import Intervals
from emulator.flowlogs.player.rows import Rows, Surroundings
from emulator.ledger.labels import REJECT_RATIO, Label
from emulator.scope import Scope
from emulator.world.incidents.incident import Ec2Call
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.targets import cast
from emulator.world.settings import WorldSettings
from emulator.world.simulation import World
from emulator.world.traffic.records import MINUTE_S

LABELS_MIN = 24 * 60
"""Minutes for which an endless world keeps the labels of its incidents."""
FIRST_INCIDENT, BOUNDED_GAP, ENDLESS_GAP = 3, 2, 15
"""Minutes from the start to the first incident, and from one incident to the next."""
USUAL_MINUTES = 12
"""Minutes before an incident whose rule compares with a baseline: ten minutes of warm-up, and a reserve."""

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class _Output:
    """The open intervals and the record writer of one flow log."""

    intervals: Intervals
    rows: Rows


@dataclass(slots=True)
class ScopeSimulation:
    """The simulation of one scope. `client` returns an EC2 client for it."""

    scope: Scope
    settings: WorldSettings
    client: Callable[[], Any]
    labels: list[Label] = field(default_factory=list)
    _world: World | None = None
    _staged: Staged = field(default_factory=Staged)
    _reading: EstateReading | None = None
    _revision: int = -1
    _staged_until: int = 0
    _outputs: dict[str, _Output] = field(default_factory=dict)

    async def look(self, flow_logs: Iterable[FlowLog], revision: int, minute: int) -> None:
        """Set the current flow logs. If `revision` has changed, read EC2 again. Raises botocore's errors."""
        if revision != self._revision or self._world is None:
            before = self._reading.missing if self._reading else {}
            self._reading = await asyncio.to_thread(read, self.client(), missing=before)
            self._use(_with_hypervisors(self._reading), minute)
            self._revision = revision
            assert self._world is not None
            for output in self._outputs.values():
                output.intervals.use(self._world.directory)
            self._outputs = {
                key: _Output(output.intervals, self._rows(output.intervals.flow_log))
                for key, output in self._outputs.items()
            }
        wanted = {one.flow_log_id: one for one in flow_logs}
        self._outputs = {key: output for key, output in self._outputs.items() if key in wanted}
        for key, flow_log in wanted.items():
            if key not in self._outputs:
                self._outputs[key] = self._new(flow_log)

    async def minute(self, minute: int) -> list[tuple[FlowLog, IntervalBatch]]:
        """Simulate a minute. Return the batches that it completes, by flow log."""
        if not self.settings.is_bounded and minute >= self._staged_until:
            self._stage(minute)
        return await asyncio.to_thread(self._made, minute)

    def _made(self, minute: int) -> list[tuple[FlowLog, IntervalBatch]]:
        assert self._world is not None
        made = self._world.minute(minute)
        return [
            (output.intervals.flow_log, batch(one, output.rows))
            for output in self._outputs.values()
            for one in output.intervals.add(made)
        ]

    async def change(self, minute: int) -> None:
        """Make the EC2 changes of incidents for a minute. `look` then reads EC2 again."""
        await self._make(self._staged.changes(minute))

    def undone(self, minute: int) -> list[Ec2Call]:
        """Return the calls that undo the EC2 changes of incidents before a minute."""
        return self._staged.undone(minute)

    async def undo(self, minute: int) -> None:
        """Undo the EC2 changes of incidents before a minute."""
        await self._make(self.undone(minute))

    def rest(self) -> list[tuple[FlowLog, IntervalBatch]]:
        """Return the batches of incomplete intervals."""
        return [
            (output.intervals.flow_log, batch(one, output.rows))
            for output in self._outputs.values()
            for one in output.intervals.rest()
        ]

    def _use(self, estate: Estate, minute: int) -> None:
        if self._world is not None:
            self._world.use(estate)
            return
        self._world = World(estate, self.settings.seed, self.settings.busy)
        self._stage(minute)

    def _stage(self, minute: int) -> None:
        assert self._world is not None
        gap = BOUNDED_GAP if self.settings.is_bounded else ENDLESS_GAP
        first = minute + FIRST_INCIDENT
        seed = self.settings.seed if self.settings.is_bounded else self.settings.seed + minute
        world = (self._world.estate, self._world.edges)
        incidents = [
            replace(one, minute=max(one.minute, minute + USUAL_MINUTES)) if one.rule == REJECT_RATIO else one
            for one in cast(*world, seed, first, self.settings.incidents, gap)
        ]
        ends = [one.minute + one.minutes for one in incidents]
        self._staged_until = max(ends, default=first) + gap
        oldest = (minute - LABELS_MIN) * MINUTE_S
        self.labels = [label for label in self.labels if label.window_end >= oldest]
        self._staged = Staged(tuple(incidents), self.settings.seed)
        self._world.stage(self._staged)
        self.labels += self._staged.labels

    async def _make(self, changes: list[Ec2Call]) -> None:
        for one in changes:
            self._revision = -1
            call = getattr(self.client(), one.operation)
            try:
                await asyncio.to_thread(call, **one.request)
            except NO_ANSWER as error:
                log.warning("incident could not change EC2", operation=one.operation, reason=str(error))

    def _new(self, flow_log: FlowLog) -> _Output:
        assert self._world is not None
        intervals = Intervals(flow_log)
        intervals.use(self._world.directory)
        return _Output(intervals, self._rows(flow_log))

    def _rows(self, flow_log: FlowLog) -> Rows:
        assert self._world is not None
        keys = {one.resource_type: one.tag_keys for one in flow_log.settings.tag_fields}
        return Rows(self._world.directory, self._surroundings(), flow_log.settings.fields, keys)

    def _surroundings(self) -> Surroundings:
        assert self._reading is not None
        tags = {("instance", key): one.tags for key, one in self._reading.instances.items()}
        tags |= {
            ("network-interface", eni.interface_id): dict(eni.tags)
            for eni in self._reading.estate.resources.enis
        }
        return Surroundings(self.scope.account, self.scope.region, tags)


def _with_hypervisors(reading: EstateReading) -> Estate:
    """Return the estate with `is_nitro` set on each interface from its instance type."""
    resources = reading.estate.resources
    enis = tuple(
        replace(eni, is_nitro=reading.instances[eni.instance_id].is_nitro)
        if eni.instance_id in reading.instances
        else eni
        for eni in resources.enis
    )
    return reading.estate.with_changes(enis=enis)
