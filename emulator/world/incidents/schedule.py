"""The effect of all incidents on each minute of a world, and their labels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.ledger.labels import Label
from emulator.world.incidents.incident import Ec2Call, Incident
from emulator.world.incidents.traffic import PLOTS
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.flows import Flows


@dataclass(frozen=True, slots=True)
class Scene:
    """The changes of one minute by incidents. Interfaces are numbers of the directory."""

    flows: tuple[Flows, ...] = ()
    silent: tuple[int, ...] = ()
    dead: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """The incidents of a world, in any order."""

    incidents: Sequence[Incident] = field(default_factory=tuple)
    seed: int = 0

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the labels of all incidents."""
        return tuple(incident.label for incident in self.incidents)

    def scene(self, minute: int, directory: Directory) -> Scene:
        """Return the scene of a minute."""
        now = [incident for incident in self.incidents if incident.is_on(minute)]
        rows = [
            PLOTS[incident.kind](incident, minute, self.seed, directory)
            for incident in now
            if incident.kind in PLOTS
        ]

        def hit(kind: str) -> tuple[int, ...]:
            return tuple(directory.eni(one.eni) for one in now if one.kind == kind)

        return Scene(
            flows=tuple(Flows.of(directory, one) for one in rows if one),
            silent=hit("silence"),
            dead=hit("dead_database"),
            skipped=hit("delivery_gap"),
        )

    def changes(self, minute: int) -> list[Ec2Call]:
        """Return the calls to make before a minute begins, first those of incidents that end."""
        ended = [one for i in self.incidents if i.minute + i.minutes == minute for one in i.end]
        return ended + [one for i in self.incidents if i.minute == minute for one in i.begin]

    def undone(self, minute: int) -> list[Ec2Call]:
        """Return the calls that undo the changes made before a minute or at its beginning."""
        on = (i for i in self.incidents if i.is_on(minute - 1) or i.minute == minute)
        return [one for i in on for one in i.end]
