"""The templates of flows: the rows that interfaces write about each flow of one class. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np

from connectors.vpc.network import EniId
from emulator.world.traffic.chance import Array
from emulator.world.traffic.columns import Columns

SOURCE, DESTINATION = -1, -2
"""Places for an address: the flow's own ends. Any other number is an address of the directory."""


class Course(IntEnum):
    """The course of a flow. `TRIED`: retried until the client gives up. `RESET`: the host refuses."""

    FULL = 0
    TRIED = 1
    RESET = 2
    LATE = 3


@dataclass(frozen=True, slots=True)
class Steps(Columns):
    """One row for each interface on the way, one way: what of a flow log's record a verdict decides.

    `path` 0 is none, `eni` and `next_hop` are numbers of the directory.
    """

    is_response: Array
    eni: Array
    is_egress: Array
    is_reject: Array
    is_blocked: Array
    path: Array
    next_hop: Array
    src: Array
    dst: Array
    pkt_src: Array
    pkt_dst: Array

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Return steps of rows in the order of the fields."""
        table = np.array(rows, np.int64).reshape(-1, len(cls.__dataclass_fields__))
        return cls(*table.T.copy())


class Templates:
    """All templates so far, by number: `first` and `count` say which `steps` are whose."""

    def __init__(self) -> None:
        self.tracked: list[frozenset[EniId]] = []
        self._rows: list[tuple[int, ...]] = []
        self._counts: list[int] = []
        self._courses: list[int] = []
        empty = np.zeros(0, np.int64)
        self._made = (empty, empty, empty)
        self._steps = Steps.of(())

    def __len__(self) -> int:
        return len(self.tracked)

    def add(self, course: Course, rows: list[tuple[int, ...]], tracked: frozenset[EniId]) -> int:
        """Add a template; return its number."""
        self._counts.append(len(rows))
        self._courses.append(course)
        self.tracked.append(tracked)
        self._rows += rows
        return len(self.tracked) - 1

    def only(self, numbers: Sequence[int]) -> Templates:
        """Return some templates, numbered anew in this order."""
        some, first = Templates(), self.first
        for number in numbers:
            count = self._counts[number]
            rows = self._rows[first[number] : first[number] + count]
            some.add(Course(self._courses[number]), rows, self.tracked[number])
        return some

    def passing(self, enis: Collection[int]) -> Array:
        """Return for each template whether it has no step, or a step at one of these interfaces."""
        owner = np.repeat(np.arange(len(self)), self.count)
        is_passing: Array = self.count == 0
        is_passing[owner[np.isin(self.steps.eni, list(enis))]] = True
        return is_passing

    @property
    def first(self) -> Array:
        """The place of each template's first step."""
        return self._arrays()[0]

    @property
    def count(self) -> Array:
        """The number of steps of each template."""
        return self._arrays()[1]

    @property
    def course(self) -> Array:
        """The course of each template's flows."""
        return self._arrays()[2]

    @property
    def steps(self) -> Steps:
        """The steps of all templates, one after the other."""
        if len(self._steps) != len(self._rows):
            self._steps = Steps.joined([self._steps, Steps.of(self._rows[len(self._steps) :])])
        return self._steps

    def _arrays(self) -> tuple[Array, Array, Array]:
        """Return first places, counts and courses as arrays, made anew only after `add`."""
        if len(self._made[0]) != len(self):
            count = np.array(self._counts, np.int64)
            self._made = np.cumsum(count) - count, count, np.array(self._courses, np.int64)
        return self._made
