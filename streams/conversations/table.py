"""The conversations of one window of a merge partition: bounded tables of interfaces. Pure.

Each interface of the window is a group. A group grows to `LIMIT` times `top` rows. It is then trimmed to the
`KEPT` times `top` largest rows by each measure; the others are added to the rest of their action.

The bound, as in Space-Saving (Metwally et al. 2005): `B` is, for each group, action and total, a number
that no conversation without a row has lost more than. Dropping a row with value v and bound b sets B to
max(B, v + b), and a new row gets the bound B. Therefore a row's true total is in [v, v + b], and the total of
a conversation without a row is at most B. Rows plus rest are always the exact sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.conversations import kernels
from streams.conversations.distinct import Sketches, own_directions, values_of
from streams.conversations.kernels import (
    ACTION_AT,
    ACTION_CLASSES,
    ACTION_MASK,
    BOUND_AT,
    BOUNDS,
    BYTES,
    CANDIDATES,
    ENTITY,
    FIRST,
    FLAGS,
    FLOWS,
    GROUP_AT,
    GROUP_WORDS,
    IS_CHANGED,
    KEY,
    LAST,
    MARKS,
    PACKETS,
    REJECT,
    ROWS,
    WORDS,
)

LIMIT, KEPT = 8, 1.5
"""A group is trimmed at `LIMIT` times `top` rows, to at most four times `KEPT` times `top`."""

REST_WORDS = WORDS - FLOWS
NO_FIRST = 1 << 62
_FIRST_ROWS, _FIRST_GROUPS = 256, 64
_BOUNDED = slice(FLOWS, FLOWS + 3)


def no_sums(groups: int) -> Any:
    """Return zero sums for each group and action class, as `kernels.sum_classes` adds to them."""
    sums = np.zeros((groups, ACTION_CLASSES, REST_WORDS), np.int64)
    sums[:, :, FIRST - FLOWS] = NO_FIRST
    return sums


def joined(totals: Any, others: Any) -> Any:
    """Return the sum of two totals: the words of a row from `FLOWS` on, the flags alone in the last."""
    first, last, flags = min(totals[3], others[3]), max(totals[4], others[4]), totals[5] | others[5]
    return np.array([*np.add(totals[:3], others[:3]), first, last, flags & FLAGS])


def largest(rows: Any, most: int) -> Any:
    """Return a mask of the `most` largest rows by each measure: bytes, packets, flows, and flows of REJECT.

    There are more than `most` rows. Of equal rows, any may be in the mask.
    """
    chosen = np.zeros(len(rows), bool)
    is_rejected = (rows[:, KEY] >> ACTION_AT & ACTION_MASK) == REJECT
    for values in (
        rows[:, BYTES],
        rows[:, PACKETS],
        rows[:, FLOWS],
        np.where(is_rejected, rows[:, FLOWS], -1),
    ):
        places = np.argpartition(values, len(values) - most)[len(values) - most :]
        chosen[places[values[places] >= 0]] = True
    return chosen


@dataclass(slots=True)
class Rest:
    """The dropped rows of a group and an action class: their totals, and the sketches of their ends."""

    totals: Any = field(default_factory=lambda: no_sums(1)[0, 0])
    sketches: Sketches = field(default_factory=Sketches)

    def add(self, rows: Any) -> None:
        """Add the totals of rows."""
        totals = [*rows[:, _BOUNDED].sum(axis=0), rows[:, FIRST].min(), rows[:, LAST].max()]
        self._add([*totals, np.bitwise_or.reduce(rows[:, MARKS])])

    def merge(self, totals: Any, sketches: Sketches) -> None:
        """Add the totals and the sketches of another rest."""
        self._add(totals)
        self.sketches.merge(sketches)

    def _add(self, totals: Any) -> None:
        self.totals = joined(self.totals, totals)


@dataclass(slots=True)
class Table:
    """The groups and rows of one window. `top` is the number of rows that are exact by each measure."""

    top: int
    rows: Any = field(default_factory=lambda: np.empty((_FIRST_ROWS, WORDS), np.int64))
    used: int = 0
    groups: Any = field(default_factory=lambda: np.zeros((_FIRST_GROUPS, GROUP_WORDS), np.int64))
    group_count: int = 0
    bounds: Any = field(default_factory=lambda: np.zeros((1, 3), np.int64))
    """Flows, packets and bytes of each bound by number; number 0 is exact."""
    rests: dict[tuple[int, int], Rest] = field(default_factory=dict)
    """By group and action class."""
    _index: Any = field(default_factory=lambda: np.zeros(2 * _FIRST_ROWS, np.int32))
    _group_of: Any = field(default_factory=lambda: np.full(_FIRST_GROUPS, -1, np.int64))

    def __len__(self) -> int:
        return self.used

    def add(self, codes: Any, batch: Any) -> None:
        """Add rows. `codes` are their entities, and the groups in the keys of `batch` are 0."""
        batch[:, KEY] |= self.groups_of(codes) << GROUP_AT
        self._reserve(len(batch))
        self.used = kernels.add(batch, self.rows, self.used, self._index, self.groups)
        is_over = self.groups[: self.group_count, ROWS] > LIMIT * self.top
        if is_over.any():
            self._trim(is_over)

    def groups_of(self, codes: Any) -> Any:
        """Return the group of each entity; a new entity gets the next group."""
        most = int(codes.max(initial=-1)) + 1
        if most > len(self._group_of):
            more = np.full(max(most, 2 * len(self._group_of)) - len(self._group_of), -1, np.int64)
            self._group_of = np.concatenate([self._group_of, more])
        before = self.group_count
        found = np.empty(len(codes), np.int64)
        self.group_count = kernels.assign_groups(codes, self._group_of, before, found)
        if self.group_count > len(self.groups):
            groups = np.zeros((max(self.group_count, 2 * len(self.groups)), GROUP_WORDS), np.int64)
            groups[:before] = self.groups[:before]
            self.groups = groups
        if self.group_count > before:
            self.groups[found, ENTITY] = codes
            self.groups[before : self.group_count, CANDIDATES] = -1
        return found

    def renumber(self, numbers: Any) -> None:
        """Replace the codes of entities: `numbers` has the new code by the old one."""
        entities = self.groups[: self.group_count, ENTITY]
        entities[:] = numbers[entities]
        self._group_of = np.full(int(entities.max(initial=0)) + 1, -1, np.int64)
        self._group_of[entities] = np.arange(self.group_count)

    def chosen(self, is_chosen: Any, most: int) -> tuple[Any, Any, Any]:
        """Return the row numbers of some groups by group, the start of each group, and a mask.

        The mask has the `most` largest rows of each group by each measure.
        """
        sizes = self.groups[: self.group_count, ROWS] * is_chosen
        starts = np.concatenate([[0], np.cumsum(sizes)])
        order = np.empty(starts[-1], np.int64)
        kernels.by_group(self.rows, self.used, is_chosen, starts[:-1].copy(), order)
        is_large = sizes > most
        chosen = np.repeat(~is_large, sizes)
        for group in np.flatnonzero(is_large).tolist():
            part = slice(starts[group], starts[group + 1])
            chosen[part] = largest(self.rows[order[part]], most)
        return order, starts, chosen

    def take_changed(self) -> Any:
        """Return the mask of the groups that changed since the last call."""
        changed = self.groups[: self.group_count, IS_CHANGED] > 0
        self.groups[: self.group_count, IS_CHANGED] = 0
        return changed

    def mark_changed(self) -> None:
        """Mark every group as changed."""
        self.groups[: self.group_count, IS_CHANGED] = 1

    @property
    def entities(self) -> Any:
        """The entity code of each group."""
        return self.groups[: self.group_count, ENTITY]

    def bound_of(self, group: int, action: int) -> Any:
        """Return the bound of the conversations without a row: flows, packets and bytes."""
        return self.bounds[self.groups[group, BOUNDS + action]]

    def set_bound(self, group: int, action: int, bound: Any) -> None:
        """Set the bound of the conversations without a row."""
        self.groups[group, BOUNDS + action] = self.bound_number(bound)

    def bound_number(self, bound: Any) -> int:
        """Return the number of a bound: 0 if it is exact, else that of a new one."""
        if not np.any(bound):
            return 0
        self.bounds = np.vstack([self.bounds, np.asarray(bound, np.int64)])
        return len(self.bounds) - 1

    def _reserve(self, count: int) -> None:
        needed = self.used + count
        if needed > len(self.rows):
            rows = np.empty((max(needed, len(self.rows) * 3 // 2), WORDS), np.int64)
            rows[: self.used] = self.rows[: self.used]
            self.rows = rows
        if 2 * needed > len(self._index):
            self._rebuild(needed)

    def _rebuild(self, count: int) -> None:
        """Rebuild the index with room for `count` rows."""
        self._index = np.zeros(1 << (2 * max(count, _FIRST_ROWS) - 1).bit_length(), np.int32)
        kernels.rebuild(self.rows, self.used, self._index)

    def _trim(self, is_over: Any) -> None:
        order, _starts, kept = self.chosen(is_over, int(KEPT * self.top))
        dropped = self.rows[order[~kept]]
        classes = np.minimum(dropped[:, KEY] >> ACTION_AT & ACTION_MASK, ACTION_CLASSES - 1)
        places = (dropped[:, KEY] >> GROUP_AT) * ACTION_CLASSES + classes
        by_place = np.argsort(places, kind="stable")
        runs = np.split(by_place, np.flatnonzero(np.diff(places[by_place])) + 1)
        for run in runs if len(by_place) else ():
            self._drop(*divmod(int(places[run[0]]), ACTION_CLASSES), dropped[run])
        is_kept = np.ones(self.used, bool)
        is_kept[order[~kept]] = False
        kept_rows = self.rows[: self.used][is_kept]
        self.used = len(kept_rows)
        self.rows[: self.used] = kept_rows
        np.subtract.at(self.groups[:, ROWS], dropped[:, KEY] >> GROUP_AT, 1)
        self._rebuild(self.used)

    def _drop(self, group: int, action: int, rows: Any) -> None:
        """Add rows of one group and action class to its rest, and raise its bound."""
        rest = self.rests.setdefault((group, action), Rest())
        rest.add(rows)
        most = (rows[:, _BOUNDED] + self.bounds[rows[:, MARKS] >> BOUND_AT]).max(axis=0)
        self.set_bound(group, action, np.maximum(self.bound_of(group, action), most))
        _, peers, ports = values_of(rows, own_directions(rows))
        rest.sketches.add(peers.tolist(), ports[ports >= 0].tolist())
