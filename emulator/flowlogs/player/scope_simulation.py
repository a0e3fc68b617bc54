"""The world of one account and Region: its estate as EC2 tells it now, and what each flow log gets of it.

The estate is read again when EC2 has changed, so that a rule taken away decides from the next minute on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from connectors.vpc.ec2.reading import Reading, read
from connectors.vpc.estate import Estate
from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.player.delivery.batches import Batch, batch
from emulator.flowlogs.player.intervals import Intervals
from emulator.flowlogs.player.rows import Rows, Surroundings
from emulator.ledger.labels import REJECT_RATIO, Label
from emulator.scope import Scope
from emulator.world.incidents.incident import Change
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.targets import cast
from emulator.world.settings import WorldSettings
from emulator.world.simulation import World
from emulator.world.traffic.records import MINUTE_S

LABELS_MIN = 24 * 60
"""So many minutes labels of an endless world are kept."""
FIRST_INCIDENT, BOUNDED_GAP, ENDLESS_GAP = 3, 2, 15
"""Minutes: from the beginning to the first incident, and from each to the next."""
USUAL_MINUTES = 12
"""Minutes before an incident whose rule compares with what is usual: ten of warm-up, and some to spare."""

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class _Fed:
    """One flow log with what it gathers and how it is written."""

    intervals: Intervals
    rows: Rows


@dataclass(slots=True)
class Playing:
    """A world under way. `client` makes an EC2 client for the scope."""

    scope: Scope
    settings: WorldSettings
    client: Callable[[], Any]
    labels: list[Label] = field(default_factory=list)
    _world: World | None = None
    _staged: Staged = field(default_factory=Staged)
    _reading: Reading | None = None
    _revision: int = -1
    _staged_until: int = 0
    _fed: dict[str, _Fed] = field(default_factory=dict)

    async def look(self, flow_logs: Iterable[FlowLog], revision: int, minute: int) -> None:
        """See which flow logs there are, and read EC2 again if it has changed. Raises botocore's errors."""
        if revision != self._revision or self._world is None:
            before = self._reading.missing if self._reading else {}
            self._reading = await asyncio.to_thread(read, self.client(), missing=before)
            self._use(_with_hypervisors(self._reading), minute)
            self._revision = revision
            assert self._world is not None
            for fed in self._fed.values():
                fed.intervals.use(self._world.directory)
            self._fed = {
                key: _Fed(fed.intervals, self._rows(fed.intervals.flow_log)) for key, fed in self._fed.items()
            }
        wanted = {one.flow_log_id: one for one in flow_logs}
        self._fed = {key: fed for key, fed in self._fed.items() if key in wanted}
        for key, flow_log in wanted.items():
            if key not in self._fed:
                self._fed[key] = self._new(flow_log)

    async def minute(self, minute: int) -> list[tuple[FlowLog, Batch]]:
        """Play a minute; return what each flow log gets of it."""
        if not self.settings.is_bounded and minute >= self._staged_until:
            self._stage(minute)
        return await asyncio.to_thread(self._made, minute)

    def _made(self, minute: int) -> list[tuple[FlowLog, Batch]]:
        assert self._world is not None
        made = self._world.minute(minute)
        return [
            (fed.intervals.flow_log, batch(one, fed.rows))
            for fed in self._fed.values()
            for one in fed.intervals.add(made)
        ]

    async def change(self, minute: int) -> None:
        """Make the changes that incidents make before a minute; `look` then reads EC2 again."""
        await self._make(self._staged.changes(minute))

    def undone(self, minute: int) -> list[Change]:
        """Return the calls that take back what incidents have changed before a minute."""
        return self._staged.undone(minute)

    async def undo(self, minute: int) -> None:
        """Take back what incidents have changed before a minute."""
        await self._make(self.undone(minute))

    def rest(self) -> list[tuple[FlowLog, Batch]]:
        """Return what waits for intervals that will not be completed."""
        return [
            (fed.intervals.flow_log, batch(one, fed.rows))
            for fed in self._fed.values()
            for one in fed.intervals.rest()
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
        who = (self._world.estate, self._world.edges)
        incidents = [
            replace(one, minute=max(one.minute, minute + USUAL_MINUTES)) if one.rule == REJECT_RATIO else one
            for one in cast(*who, seed, first, self.settings.incidents, gap)
        ]
        ends = [one.minute + one.minutes for one in incidents]
        self._staged_until = max(ends, default=first) + gap
        oldest = (minute - LABELS_MIN) * MINUTE_S
        self.labels = [label for label in self.labels if label.window_end >= oldest]
        self._staged = Staged(tuple(incidents), self.settings.seed)
        self._world.stage(self._staged)
        self.labels += self._staged.labels

    async def _make(self, changes: list[Change]) -> None:
        for one in changes:
            self._revision = -1
            call = getattr(self.client(), one.operation)
            try:
                await asyncio.to_thread(call, **one.request)
            except (ClientError, BotoCoreError) as error:
                log.warning("an incident could not change EC2", operation=one.operation, reason=str(error))

    def _new(self, flow_log: FlowLog) -> _Fed:
        assert self._world is not None
        intervals = Intervals(flow_log)
        intervals.use(self._world.directory)
        return _Fed(intervals, self._rows(flow_log))

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


def _with_hypervisors(reading: Reading) -> Estate:
    """Return the estate with what instance types say of their interfaces: Nitro or not."""
    resources = reading.estate.resources
    enis = tuple(
        replace(eni, is_nitro=reading.instances[eni.instance_id].is_nitro)
        if eni.instance_id in reading.instances
        else eni
        for eni in resources.enis
    )
    return reading.estate.with_changes(enis=enis)
