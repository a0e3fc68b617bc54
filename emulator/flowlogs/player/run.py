"""One world from its beginning to its end: its time, the ledger of what was taken of it, how far it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl
import structlog

from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.player.delivery.batches import Batch
from emulator.flowlogs.player.scope_simulation import Playing
from emulator.flowlogs.player.world_time import WorldTime, first_second, first_second_that_fits
from emulator.ledger.by_flow_log import Books
from emulator.scope import Scope
from emulator.world.settings import WorldSettings
from emulator.world.traffic.records import MINUTE_S

EMPTY_MINUTES_MAX = 30

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class Round:
    """`minute` is the next one to be played. `client` makes an EC2 client for an account and Region."""

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
    _books: Books = field(default_factory=Books)
    _playing: dict[Scope, Playing] = field(default_factory=dict)
    _paced: int = 0
    _since: dict[str, int] = field(default_factory=dict)
    _empty_minutes: int = 0

    def __post_init__(self) -> None:
        self._time = WorldTime(first_second(self.settings, time.time()), self.settings.speed)
        self.minute = self._time.start // MINUTE_S

    def now(self) -> float:
        """Return the world's time, in epoch seconds. It is never after the present."""
        elapsed_s, present = time.monotonic() - self._began, time.time()
        if not self.has_caught_up and self._time.has_caught_up(elapsed_s, present):
            self.has_caught_up = True
            log.info("the world has caught up with the present and goes on at speed 1")
        return self._time.now(elapsed_s, present)

    @property
    def speed(self) -> float:
        """Simulated seconds a second, now."""
        return 1.0 if self.has_caught_up else self.settings.speed

    @property
    def is_ahead(self) -> bool:
        """Whether the next minute is not over yet."""
        return (self.minute + 1) * MINUTE_S > time.time()

    @property
    def is_over(self) -> bool:
        """Whether a bounded load has all its records."""
        return self.settings.is_bounded and self.lines >= self.settings.records

    async def play(self, flow_logs: list[FlowLog], revision: int) -> list[tuple[FlowLog, Batch]]:
        """Play the next minute for the flow logs there are; a new one gets none that began before it."""
        by_scope: dict[Scope, list[FlowLog]] = {}
        for flow_log in flow_logs:
            by_scope.setdefault(flow_log.scope, []).append(flow_log)
        if self.settings.is_bounded and not self._is_placed:
            await self._place(by_scope, revision)
        for scope in set(self._playing) - set(by_scope):
            await self._playing.pop(scope).undo(self.minute)
        for scope, mine in by_scope.items():
            await self._of(scope).change(self.minute)
            await self._of(scope).look(mine, revision, self.minute)
        found: list[tuple[FlowLog, Batch]] = []
        for scope in by_scope:
            found += await self._of(scope).minute(self.minute)
        found = [one for one in found if self.minute >= self._since.get(one[0].flow_log_id, 0)]
        self.minute += 1
        made = sum(batch.height for _, batch in found)
        self.lines += made
        self._empty_minutes = 0 if made else self._empty_minutes + 1
        if self.settings.is_bounded and self._empty_minutes >= EMPTY_MINUTES_MAX:
            self.failure = f"nothing was recorded in {EMPTY_MINUTES_MAX} minutes: is any interface there?"
        return found

    async def _place(self, by_scope: Mapping[Scope, list[FlowLog]], revision: int) -> None:
        """Let a bounded load start so early that it ends before the present. Its first minute is a trial."""
        a_minute = 0.0
        for scope, mine in by_scope.items():
            trial = self._new(scope)
            await trial.look(mine, revision, self.minute)
            found = [*await trial.minute(self.minute), *trial.rest()]
            a_minute += sum(made.height * MINUTE_S / flow_log.settings.interval_s for flow_log, made in found)
        start = first_second_that_fits(self.settings, time.time(), a_minute)
        self._time, self.minute, self._is_placed = replace(self._time, start=start), start // MINUTE_S, True

    def meet(self, flow_logs: Sequence[FlowLog]) -> None:
        """Note when each flow log came; those with which the world begins have all of it."""
        first = -(-int(self.now()) // MINUTE_S) if self._since else self.minute
        if not self.settings.is_bounded:
            self._since = {one.flow_log_id: self._since.get(one.flow_log_id, first) for one in flow_logs}

    def skip_to_now(self) -> None:
        """Play on from now, for an endless world that stood still while there was no flow log."""
        self.minute = max(self.minute, int(self.now()) // MINUTE_S)

    async def undo(self) -> None:
        """Take back what incidents have changed."""
        for playing in self._playing.values():
            await playing.undo(self.minute)
        self._playing.clear()

    def undone(self) -> list[list[object]]:
        """Return the calls that would take it back, as (account, Region, operation, request)."""
        return [
            [scope.account, scope.region, change.operation, dict(change.request)]
            for scope, playing in self._playing.items()
            for change in playing.undone(self.minute)
        ]

    async def end(self) -> list[tuple[FlowLog, Batch]]:
        """Take back what incidents changed; return what is left to deliver."""
        found: list[tuple[FlowLog, Batch]] = []
        for playing in self._playing.values():
            await playing.undo(self.minute)
            found += playing.rest()
        return found

    async def pace(self, lines: int) -> None:
        """Wait until more `lines` are due. A slow receiver does not delay the schedule."""
        if self.settings.rate:
            due = self._began + self._paced / self.settings.rate
            self._paced += lines
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def taken(self, flow_log: FlowLog, about: pl.DataFrame) -> None:
        """Note what a destination took, if the load is bounded: then a ledger is kept."""
        if self.settings.is_bounded:
            self._books.add(flow_log.flow_log_id, about)

    def close(self) -> None:
        """Close the ledger of a load that is over."""
        end = self.minute * MINUTE_S
        every = [label for playing in self._playing.values() for label in playing.labels]
        begun = [label for label in every if label.window_start < end]
        # An incident that the end cuts short may be too short for its rule: it need not be found.
        cut = [
            replace(label, window_end=end, rule="") if label.window_end > end else label for label in begun
        ]
        self.ledger = self._books.to_json(cut)
        self.is_done = True

    def document(self) -> dict[str, object]:
        """Return how far it is, as JSON has it."""
        labels = [asdict(label) for playing in self._playing.values() for label in playing.labels]
        return {
            "round": self.number,
            "lines": self.lines,
            "now": self.minute * MINUTE_S,
            "has_caught_up": self.has_caught_up,
            "is_done": self.is_done,
            "failure": self.failure,
            "labels": labels,
            "undo": self.undone(),
        }

    def _of(self, scope: Scope) -> Playing:
        if scope not in self._playing:
            self._playing[scope] = self._new(scope)
        return self._playing[scope]

    def _new(self, scope: Scope) -> Playing:
        return Playing(scope, self.settings, lambda: self.client(scope))
