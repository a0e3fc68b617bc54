"""The world minute by minute: services talk, incidents happen, the network judges, interfaces take note.

`minute` must be asked in order, since flows last longer than that. The same estates at the same minutes and
the same seed give the same records, whatever was done between. Edges are of the estate as it was when the
interfaces were last others: a rule taken away breaks traffic, it does not stop anybody from trying. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from connectors.vpc.estate import Estate
from emulator.world.incidents.schedule import Scene, Staged
from emulator.world.traffic.bulk_verdicts import Course, Judge
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.edges import Edge
from emulator.world.traffic.flows import Flows, Kind
from emulator.world.traffic.records import MINUTE_S, Alive, Records, alive, merged, records
from emulator.world.traffic.services import Services

_BROKEN_TRIES, _BROKEN_S, _BROKEN_BYTES = 5, 15, 600


@dataclass(frozen=True, slots=True)
class Minute:
    """What was noted in a minute, and the interfaces (by number) whose log has a gap then."""

    minute: int
    records: Records
    skipped: tuple[int, ...] = ()

    @property
    def begins(self) -> int:
        """The first second, since the epoch."""
        return self.minute * MINUTE_S


class World:
    """An estate with traffic. `busy` is in percent of what profiles say; noise from outside stays."""

    def __init__(self, estate: Estate, seed: int, busy: int = 100, staged: Staged | None = None) -> None:
        self.directory = Directory(estate)
        self.judge = Judge(self.directory, estate)
        self.estate = estate
        self._seed, self._busy = seed, busy
        self._staged = staged or Staged()
        self._services = Services(self.directory, estate, seed, busy)
        self._under_way: Alive | None = None
        self._last = -1

    def use(self, estate: Estate) -> None:
        """Judge by another estate from the next minute on; flows that are tracked go on."""
        if estate.resources == self.estate.resources:
            return
        has_others = estate.enis.keys() != self.estate.enis.keys()
        self.estate = estate
        self.directory.use(estate)
        self.judge.use(estate)
        if has_others:
            kept = [edge for edge in self._services.edges if not edge.origin or edge.origin in estate.enis]
            self._services = Services(self.directory, estate, self._seed, self._busy, kept)
        if self._under_way is not None:
            course = np.array(self.judge.templates.course, np.int64)[self._under_way.template]
            full = np.flatnonzero(course == Course.FULL)
            again = self._judged_again(self._under_way, full, Kind.ANSWERED)
            self._under_way = replace(again, template=self.judge.forget_all_but(again.template))

    def stage(self, staged: Staged) -> None:
        """Let other incidents happen from the next minute on."""
        self._staged = staged

    @property
    def edges(self) -> Sequence[Edge]:
        """Who talks to whom."""
        return self._services.edges

    def minute(self, minute: int) -> Minute:
        """Return what is noted in a minute after the last that was asked; nobody knows what was between."""
        if minute <= self._last:
            raise ValueError(f"minute {minute} does not follow {self._last}")
        scene = self._staged.scene(minute, self.directory)
        if self._under_way is not None:
            self._under_way = self._struck(scene, self._under_way)
        self._last = minute
        flows = _without(scene, Flows.joined([self._services.flows(minute), *scene.flows]), self.directory)
        judged = self.judge.judged(flows)
        going = alive(flows, judged, self.judge.templates)
        if self._under_way is not None:
            going = Alive.joined([self._under_way, going])
        now = going.take(np.flatnonzero(going.start < (minute + 1) * MINUTE_S))
        self._under_way = going.take(np.flatnonzero(going.end >= (minute + 1) * MINUTE_S))
        return Minute(minute, merged(records(now, self.judge.templates, minute)), scene.skipped)

    def _struck(self, scene: Scene, going: Alive) -> Alive:
        """Return flows under way without those of silent interfaces; those to dead ones break."""
        if not (scene.silent or scene.dead):
            return going
        silent, dead = (_addresses(enis, self.directory) for enis in (scene.silent, scene.dead))
        course = np.array(self.judge.templates.course, np.int64)[going.template]
        is_late = (course == Course.LATE) & np.isin(going.dst, dead)
        is_over = np.isin(going.src, silent + dead) | np.isin(going.dst, silent) | is_late
        going = going.take(np.flatnonzero(~is_over))
        return self._judged_again(going, np.flatnonzero(np.isin(going.dst, dead)), Kind.UNANSWERED)

    def _judged_again(self, going: Alive, places: Array, kind: Kind) -> Alive:
        """Return flows under way, some of them judged anew; what breaks is tried a few times more."""
        if not len(places):
            return going
        since = self.judge.remember(going.template[places])
        template = going.template.copy()
        template[places] = self.judge.judged(_as_flows(going.take(places), kind), since)
        is_broken = np.zeros(len(going), np.bool_)
        course = np.array(self.judge.templates.course, np.int64)[template[places]]
        is_broken[places] = course != Course.FULL
        begins = np.int64((self._last + 1) * MINUTE_S)
        return replace(
            going,
            template=template,
            start=np.where(is_broken, begins, going.start),
            end=np.where(is_broken, begins + _BROKEN_S, going.end),
            packets=np.where(is_broken, _BROKEN_TRIES, going.packets),
            packets_back=np.where(is_broken, _BROKEN_TRIES, going.packets_back),
            bytes=np.where(is_broken, _BROKEN_TRIES * _BROKEN_BYTES, going.bytes),
            bytes_back=np.where(is_broken, _BROKEN_TRIES * _BROKEN_BYTES, going.bytes_back),
            is_opened=np.where(is_broken, 0, going.is_opened),
        )


def _as_flows(going: Alive, kind: Kind) -> Flows:
    shared = {name: getattr(going, name) for name in Flows.__dataclass_fields__ if hasattr(going, name)}
    kinds = np.full(len(going), int(kind), np.int64)
    return Flows(**shared, kind=kinds, tries=np.zeros(len(going), np.int64))


def _without(scene: Scene, flows: Flows, directory: Directory) -> Flows:
    """Return flows without those of interfaces that are silent; dead ones open none and answer none."""
    if scene.silent:
        ends = _addresses(scene.silent, directory)
        is_gone = np.isin(flows.origin, scene.silent) | np.isin(flows.dst, ends) | np.isin(flows.src, ends)
        flows = flows.take(np.flatnonzero(~is_gone))
    if scene.dead:
        gone = _addresses(scene.dead, directory)
        is_dead = np.isin(flows.dst, gone)
        is_left = ~np.isin(flows.src, gone) & ~(is_dead & (flows.kind == Kind.LATE))
        flows = replace(flows, kind=np.where(is_dead, int(Kind.UNANSWERED), flows.kind))
        flows = flows.take(np.flatnonzero(is_left))
    return flows


def _addresses(enis: Sequence[int], directory: Directory) -> list[int]:
    found = [directory.enis[number] for number in enis]
    texts = [text for eni in found for text in (*eni.addresses, *(public for _, public in eni.public_ips))]
    return [directory.address(text) for text in texts]
