"""One world from start to end: its clock, its simulations, its ledger and its progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl
import structlog

from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.player.delivery.batches import IntervalBatch
from emulator.flowlogs.player.scope_simulation import ScopeSimulation
from emulator.flowlogs.player.world_time import WorldTime, first_second, first_second_that_fits
from emulator.ledger.by_flow_log import DeliveryLedger
from emulator.scope import Scope
from emulator.world.settings import WorldSettings
from emulator.world.traffic.records import MINUTE_S

EMPTY_MINUTES_MAX = 30

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class WorldRun:
    """One world. `minute` is the next one to simulate, in minutes since the epoch.

    `client` returns an EC2 client for an account and Region. `failure` is empty unless the run has failed.
    """

    number: int
    settings: WorldSettings
    client: Callable[[Scope], Any]
    minute: int = 0
    lines: int = 0
    is_done: bool = False
    ledger: bytes = b""
    failure: str = ""
    has_caught_up: bool = False
    _time: WorldTime = field(init=False)
    _began: float = field(default_factory=time.monotonic)
    _is_placed: bool = False
    _ledger: DeliveryLedger = field(default_factory=DeliveryLedger)
    _simulations: dict[Scope, ScopeSimulation] = field(default_factory=dict)
    _paced: int = 0
    _since: dict[str, int] = field(default_factory=dict)
    _empty_minutes: int = 0

    def __post_init__(self) -> None:
        self._time = WorldTime(first_second(self.settings, time.time()), self.settings.speed)
        self.minute = self._time.start // MINUTE_S

    def now(self) -> float:
        """Return the world's time in seconds since the epoch. It is never after the present."""
        elapsed_s, present = time.monotonic() - self._began, time.time()
        if not self.has_caught_up and self._time.has_caught_up(elapsed_s, present):
            self.has_caught_up = True
            log.info("world has reached the present and continues at speed 1")
        return self._time.now(elapsed_s, present)

    @property
    def speed(self) -> float:
        """The current speed, in simulated seconds per second."""
        return 1.0 if self.has_caught_up else self.settings.speed

    @property
    def is_ahead(self) -> bool:
        """True if the next minute has not ended yet."""
        return (self.minute + 1) * MINUTE_S > time.time()

    @property
    def is_over(self) -> bool:
        """True if a bounded load has all its records."""
        return self.settings.is_bounded and self.lines >= self.settings.records

    async def play(self, flow_logs: list[FlowLog], revision: int) -> list[tuple[FlowLog, IntervalBatch]]:
        """Simulate the next minute for the given flow logs. Return each flow log's completed batches.

        A flow log gets no minutes that began before it was created.
        """
        by_scope: dict[Scope, list[FlowLog]] = {}
        for flow_log in flow_logs:
            by_scope.setdefault(flow_log.scope, []).append(flow_log)
        if self.settings.is_bounded and not self._is_placed:
            await self._place(by_scope, revision)
        for scope in set(self._simulations) - set(by_scope):
            await self._simulations.pop(scope).undo(self.minute)
        for scope, mine in by_scope.items():
            await self._of(scope).change(self.minute)
            await self._of(scope).look(mine, revision, self.minute)
        found: list[tuple[FlowLog, IntervalBatch]] = []
        for scope in by_scope:
            found += await self._of(scope).minute(self.minute)
        found = [one for one in found if self.minute >= self._since.get(one[0].flow_log_id, 0)]
        self.minute += 1
        made = sum(batch.height for _, batch in found)
        self.lines += made
        self._empty_minutes = 0 if made else self._empty_minutes + 1
        if self.settings.is_bounded and self._empty_minutes >= EMPTY_MINUTES_MAX:
            self.failure = (
                f"no records in {EMPTY_MINUTES_MAX} simulated minutes: check that the resources of the flow"
                " logs have network interfaces"
            )
        return found

    async def _place(self, by_scope: Mapping[Scope, list[FlowLog]], revision: int) -> None:
        """Choose the start of a bounded load, from a trial minute, so that it ends before the present."""
        a_minute = 0.0
        for scope, mine in by_scope.items():
            trial = self._new(scope)
            await trial.look(mine, revision, self.minute)
            found = [*await trial.minute(self.minute), *trial.rest()]
            a_minute += sum(made.height * MINUTE_S / flow_log.settings.interval_s for flow_log, made in found)
        start = first_second_that_fits(self.settings, time.time(), a_minute)
        self._time, self.minute, self._is_placed = replace(self._time, start=start), start // MINUTE_S, True

    def meet(self, flow_logs: Sequence[FlowLog]) -> None:
        """Record the first minute of each flow log. The first call's flow logs get all minutes."""
        first = -(-int(self.now()) // MINUTE_S) if self._since else self.minute
        if not self.settings.is_bounded:
            self._since = {one.flow_log_id: self._since.get(one.flow_log_id, first) for one in flow_logs}

    def skip_to_now(self) -> None:
        """Continue an endless world at the present, after it was paused without flow logs."""
        self.minute = max(self.minute, int(self.now()) // MINUTE_S)

    async def undo(self) -> None:
        """Undo the EC2 changes of incidents."""
        for simulation in self._simulations.values():
            await simulation.undo(self.minute)
        self._simulations.clear()

    def undone(self) -> list[list[object]]:
        """Return the calls that undo the EC2 changes, as (account, Region, operation, request)."""
        return [
            [scope.account, scope.region, change.operation, dict(change.request)]
            for scope, simulation in self._simulations.items()
            for change in simulation.undone(self.minute)
        ]

    async def end(self) -> list[tuple[FlowLog, IntervalBatch]]:
        """Undo the EC2 changes of incidents. Return the batches of incomplete intervals."""
        found: list[tuple[FlowLog, IntervalBatch]] = []
        for simulation in self._simulations.values():
            await simulation.undo(self.minute)
            found += simulation.rest()
        return found

    async def pace(self, lines: int) -> None:
        """Wait until `lines` more lines are due at the configured rate. A slow receiver does not shift it."""
        if self.settings.rate:
            due = self._began + self._paced / self.settings.rate
            self._paced += lines
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def taken(self, flow_log: FlowLog, about: pl.DataFrame) -> None:
        """Add delivered records to the ledger. Only a bounded load has a ledger."""
        if self.settings.is_bounded:
            self._ledger.add(flow_log.flow_log_id, about)

    def close(self) -> None:
        """Complete the ledger at the end of a bounded load."""
        end = self.minute * MINUTE_S
        every = [label for simulation in self._simulations.values() for label in simulation.labels]
        begun = [label for label in every if label.window_start < end]
        # An incident that the end of the load cuts short may be too short for its rule: `rule` is removed.
        cut = [
            replace(label, window_end=end, rule="") if label.window_end > end else label for label in begun
        ]
        self.ledger = self._ledger.to_json(cut)
        self.is_done = True

    def document(self) -> dict[str, object]:
        """Return the progress for `SimulatorProcess`, as a JSON document."""
        labels = [asdict(label) for simulation in self._simulations.values() for label in simulation.labels]
        return {
            "run": self.number,
            "lines": self.lines,
            "now": self.minute * MINUTE_S,
            "has_caught_up": self.has_caught_up,
            "is_done": self.is_done,
            "failure": self.failure,
            "labels": labels,
            "undo": self.undone(),
        }

    def _of(self, scope: Scope) -> ScopeSimulation:
        if scope not in self._simulations:
            self._simulations[scope] = self._new(scope)
        return self._simulations[scope]

    def _new(self, scope: Scope) -> ScopeSimulation:
        return ScopeSimulation(scope, self.settings, lambda: self.client(scope))
