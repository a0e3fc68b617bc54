"""The rows of a table to publish: the largest conversations, the rest, directions, and distinct ends. Pure.

The direction of a row is that of `flow-direction`. If the format lacks the field, the interface's own
addresses determine it: those of the inventory, else the one address that all lines of the interface in this
window have in common. Traffic to an own address is ingress, and traffic from one is egress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from streams.conversations import kernels
from streams.conversations.distinct import EGRESS, INGRESS, Sketches, values_of
from streams.conversations.kernels import (
    ACTION_AT,
    ACTION_CLASSES,
    ACTION_MASK,
    BOUND_AT,
    BOUNDS,
    CANDIDATE_1,
    CANDIDATES,
    DESTINATION,
    DIRECTION_MASK,
    ENTITY,
    FLOWS,
    GROUP_AT,
    KEY,
    MARKS,
    PROTOCOL_AT,
    SOURCE,
    WORDS,
)
from streams.conversations.table import Table, joined, no_sums
from streams.sums.conversations import Address
from streams.sums.lines import NO_ACTION, PROTOCOL_ABSENT

ACTION_OF_CLASS = np.array([0, 1, NO_ACTION])
UNKNOWN_RULE, FIELD_RULE, INVENTORY_RULE, COMMON_RULE = range(4)  # indexes of `published.DIRECTION_RULES`

OwnAddresses = Callable[[int], Collection[Address]]
"""The addresses of an entity, by its code, in the window of the table; empty if they are unknown."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows to publish of one window, ordered by group; the columns have an element for each row."""

    window: int
    rows: Any
    entities: Any
    directions: Any
    rules: Any
    bounds: Any
    is_other: Any


def select(window: int, table: Table, is_chosen: Any, own: OwnAddresses | None = None) -> Selection:
    """Return all rows to publish of the chosen groups (a mask)."""
    order, starts, shown = table.chosen(is_chosen, table.top)
    rows = table.rows[order[shown]]
    bounds = table.bounds[rows[:, MARKS] >> BOUND_AT]
    is_other = np.zeros(len(rows), bool)
    if table.rests or not shown.all():
        others, other_bounds = _others(table, order, starts, ~shown, is_chosen)
        rows = np.concatenate([rows, others])
        by_group = np.argsort(rows[:, KEY] >> GROUP_AT, kind="stable")
        rows = rows[by_group]
        bounds = np.concatenate([bounds, other_bounds])[by_group]
        is_other = np.concatenate([is_other, np.ones(len(others), bool)])[by_group]
    directions, rules = _directions(table, rows, own)
    entities = table.groups[rows[:, KEY] >> GROUP_AT, ENTITY]
    return Selection(window, rows, entities, directions, rules, bounds, is_other)


def _others(table: Table, order: Any, starts: Any, left_out: Any, is_chosen: Any) -> tuple[Any, Any]:
    """Return one row for the rest of each group and action, and its bounds."""
    sums = no_sums(table.group_count)
    kernels.sum_classes(table.rows, order, left_out, starts, sums)
    for (group, action), rest in table.rests.items():
        if is_chosen[group]:
            sums[group, action] = joined(sums[group, action], rest.totals)
    groups, classes = np.nonzero(sums[:, :, 0])
    rows = np.zeros((len(groups), WORDS), np.int64)
    rows[:, FLOWS:] = sums[groups, classes]
    # The port is -1, which is 0 in the key, and the addresses are absent.
    rows[:, KEY] = groups << GROUP_AT | ACTION_OF_CLASS[classes] << ACTION_AT | PROTOCOL_ABSENT << PROTOCOL_AT
    return rows, table.bounds[table.groups[groups, BOUNDS + classes]]


def _directions(table: Table, rows: Any, own: OwnAddresses | None) -> tuple[Any, Any]:
    """Return the direction and the number of its rule for each row."""
    directions = rows[:, KEY] & DIRECTION_MASK
    rules = np.where(directions > 0, FIELD_RULE, UNKNOWN_RULE)
    is_open = directions == 0
    if not is_open.any():
        return directions, rules
    groups = table.groups[rows[:, KEY] >> GROUP_AT]
    if own is not None:
        _apply_inventory(rows, groups, own, directions, rules)
        is_open = directions == 0
    has_common = is_open & (groups[:, CANDIDATES] == 1)
    common = groups[:, CANDIDATE_1 : CANDIDATE_1 + 2]
    is_ingress = has_common & (rows[:, DESTINATION : DESTINATION + 2] == common).all(axis=1)
    is_egress = has_common & ~is_ingress & (rows[:, SOURCE : SOURCE + 2] == common).all(axis=1)
    directions = directions + INGRESS * is_ingress + EGRESS * is_egress
    return directions, np.where(is_ingress | is_egress, COMMON_RULE, rules)


def _apply_inventory(rows: Any, groups: Any, own: OwnAddresses, directions: Any, rules: Any) -> None:
    for entity in np.unique(groups[directions == 0, ENTITY]).tolist():
        for address in own(entity):
            words = np.array(address, np.uint64).view(np.int64)
            is_open = (groups[:, ENTITY] == entity) & (directions == 0)
            for at, direction in ((DESTINATION, INGRESS), (SOURCE, EGRESS)):
                found = is_open & (rows[:, at : at + 2] == words).all(axis=1)
                directions[found & (directions == 0)] = direction
                rules[found] = INVENTORY_RULE


def distinct(
    table: Table, is_chosen: Any, own: OwnAddresses | None = None
) -> dict[tuple[int, int], Sketches]:
    """Return the sketches of the chosen groups, by entity code and index of `lines.ACTIONS`."""
    order, _, _ = table.chosen(is_chosen, table.top)
    rows = table.rows[order]
    directions, _ = _directions(table, rows, own)
    classes = np.minimum(rows[:, KEY] >> ACTION_AT & ACTION_MASK, ACTION_CLASSES - 1)
    places = (rows[:, KEY] >> GROUP_AT) * ACTION_CLASSES + classes
    found = {place: Sketches() for place in np.unique(places).tolist()}
    for (group, action), rest in table.rests.items():
        if is_chosen[group]:
            found[group * ACTION_CLASSES + action] = rest.sketches.copy()
    at, peers, ports = values_of(rows, directions)
    has_port = ports >= 0
    _fill(places[at], peers, {place: sketches.peers for place, sketches in found.items()})
    _fill(places[has_port], ports[has_port], {place: sketches.ports for place, sketches in found.items()})
    entities = table.groups[:, ENTITY]
    return {
        (int(entities[place // ACTION_CLASSES]), int(ACTION_OF_CLASS[place % ACTION_CLASSES])): sketches
        for place, sketches in found.items()
    }


def _fill(places: Any, values: Any, sketches: dict[int, Any]) -> None:
    """Add each value to the sketch of its place, each distinct value once."""
    order = np.lexsort((values, places))
    places, values = places[order], values[order]
    is_new = np.ones(len(places), bool)
    is_new[1:] = (places[1:] != places[:-1]) | (values[1:] != values[:-1])
    places, values = places[is_new], values[is_new]
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    every, ends = values.tolist(), np.append(starts, len(values))[1:].tolist()
    for place, start, end in zip(places[starts].tolist(), starts.tolist(), ends, strict=True):
        update = sketches[place].update
        for value in every[start:end]:
            update(value)
