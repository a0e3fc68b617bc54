"""The simulation of an estate, minute by minute: services, incidents, network verdicts, and flow-log records.

Call `minute` in ascending order, since flows last longer than a minute. The same estates, minutes and seed
give the same records. Edges are those of the estate when its set of interfaces last changed: if a rule is
removed later, clients still try to connect. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from connectors.vpc.estate import Estate
from emulator.world.incidents.schedule import Scene, Staged
from emulator.world.traffic.bulk_verdicts import BulkVerdicts
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.edges import Edge
from emulator.world.traffic.flows import Flows, Kind
from emulator.world.traffic.records import MINUTE_S, Alive, Records, alive, merged, records
from emulator.world.traffic.services import Services
from emulator.world.traffic.templates import Course

_BROKEN_TRIES, _BROKEN_S, _BROKEN_BYTES = 5, 15, 600


@dataclass(frozen=True, slots=True)
class Minute:
    """The records of one minute, and the interfaces (by number) whose log has a gap in it."""

    minute: int
    records: Records
    skipped: tuple[int, ...] = ()

    @property
    def begins(self) -> int:
        """Return the first second, in epoch seconds."""
        return self.minute * MINUTE_S


class World:
    """An estate with traffic. `busy` scales the profiles' rates, in percent, but not scans from outside."""

    def __init__(self, estate: Estate, seed: int, busy: int = 100, staged: Staged | None = None) -> None:
        self.directory = Directory(estate)
        self.verdicts = BulkVerdicts(self.directory, estate)
        self.estate = estate
        self._seed, self._busy = seed, busy
        self._staged = staged or Staged()
        self._services = Services(self.directory, estate, seed, busy)
        self._under_way: Alive | None = None
        self._last = -1

    def use(self, estate: Estate) -> None:
        """Evaluate flows by another estate from the next minute on; tracked connections continue."""
        if estate.resources == self.estate.resources:
            return
        has_others = estate.enis.keys() != self.estate.enis.keys()
        self.estate = estate
        self.directory.use(estate)
        affected = self.verdicts.use(estate)
        if has_others:
            kept = [edge for edge in self._services.edges if not edge.origin or edge.origin in estate.enis]
            self._services = Services(self.directory, estate, self._seed, self._busy, kept)
        if self._under_way is not None:
            course = self.verdicts.templates.course[self._under_way.template]
            is_full = course == Course.FULL
            if affected is not None:
                is_full &= affected[self._under_way.template]
            again = self._judged_again(self._under_way, np.flatnonzero(is_full), Kind.ANSWERED)
            if affected is None:
                again = replace(again, template=self.verdicts.forget_all_but(again.template))
            self._under_way = again

    @property
    def busy_thousandths(self) -> int:
        """The rates from the next minute on, in thousandths of a percent; scans from outside keep theirs."""
        return self._services.busy_thousandths

    @busy_thousandths.setter
    def busy_thousandths(self, value: int) -> None:
        self._services.busy_thousandths = value

    def stage(self, staged: Staged) -> None:
        """Replace the staged incidents from the next minute on."""
        self._staged = staged

    @property
    def edges(self) -> Sequence[Edge]:
        """Return the client-server pairs of the estate."""
        return self._services.edges

    def minute(self, minute: int) -> Minute:
        """Return the records of a minute after the previous call's. The minutes between are not simulated."""
        if minute <= self._last:
            raise ValueError(f"minute {minute} does not follow {self._last}")
        scene = self._staged.scene(minute, self.directory)
        if self._under_way is not None:
            self._under_way = self._struck(scene, self._under_way)
        self._last = minute
        flows = _without(scene, Flows.joined([self._services.flows(minute), *scene.flows]), self.directory)
        template = self.verdicts.templates_of(flows)
        going = alive(flows, template, self.verdicts.templates)
        if self._under_way is not None:
            going = Alive.joined([self._under_way, going])
        now = going.take(np.flatnonzero(going.start < (minute + 1) * MINUTE_S))
        self._under_way = going.take(np.flatnonzero(going.end >= (minute + 1) * MINUTE_S))
        return Minute(minute, merged(records(now, self.verdicts.templates, minute)), scene.skipped)

    def _struck(self, scene: Scene, going: Alive) -> Alive:
        """Return the active flows without those of silent interfaces; flows to dead interfaces break."""
        if not (scene.silent or scene.dead):
            return going
        silent, dead = (_addresses(enis, self.directory) for enis in (scene.silent, scene.dead))
        course = self.verdicts.templates.course[going.template]
        is_late = (course == Course.LATE) & np.isin(going.dst, dead)
        is_over = np.isin(going.src, silent + dead) | np.isin(going.dst, silent) | is_late
        going = going.take(np.flatnonzero(~is_over))
        return self._judged_again(going, np.flatnonzero(np.isin(going.dst, dead)), Kind.UNANSWERED)

    def _judged_again(self, going: Alive, places: Array, kind: Kind) -> Alive:
        """Return the active flows, some of them with a new verdict; a broken flow is retried a few times."""
        if not len(places):
            return going
        since = self.verdicts.remember(going.template[places])
        template = going.template.copy()
        template[places] = self.verdicts.templates_of(_as_flows(going.take(places), kind), since)
        is_broken = np.zeros(len(going), np.bool_)
        course = self.verdicts.templates.course[template[places]]
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
    """Return flows without those of silent interfaces; dead interfaces open no flow and answer none."""
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
