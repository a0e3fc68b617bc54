"""The rows of the kernel's tables as columns, sorted by partition. Pure.

A partition is the checksum of the entity modulo the number of partitions (`partials.checksum`), so that every
worker sends an entity to the same partition. Sorted rows make the frame of a partition a slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numba import uint64

from streams.compiled import inlined, uncounted
from streams.sums import conversations, partials
from streams.sums.entities import Entities
from streams.sums.tables import (
    ACTION_BITS,
    CONTEXT,
    DIRECTION_AT,
    ENDS,
    FLAG_BITS,
    FLOWS,
    FLOWS_FLAGS,
    FORM_ABSENT,
    FORM_V4,
    FORMS_AT,
    ID_KIND_AT,
    KIND,
    LO,
    N_CONVERSATIONS,
    N_TOTALS,
    PKT_ENDS,
    PORT_AT,
    PROTOCOL_BITS,
    RULE_AT,
    WINDOW,
    Tables,
)

_TOTALS = ("flows", "packets", "bytes", "first", "last")  # words 3 to 7 of a row of totals
_SUMS = ("window", "flows", "packets", "bytes", "first", "last")
_ADDRESSES = tuple(name for name in conversations.SCHEMA if name.endswith(("_hi", "_lo")))
_SMALL = (
    ("action", np.uint8),
    ("direction", np.uint8),
    ("port", np.int32),
    ("port_rule", np.uint8),
    ("protocol", np.int16),
    ("tcp_flags", np.uint16),
)
_MAPPED = uint64(0xFFFF << 32)


class Rows(NamedTuple):
    """A frame sorted by partition, and the code of the entity of each row among the names of its `Owners`.

    `starts` are the first row of each partition, and the number of rows.
    """

    frame: pl.DataFrame
    codes: Any
    starts: list[int]


class Origins(NamedTuple):
    """Accounts and Regions, and their place in these lists by row number of the table of totals."""

    accounts: list[str]
    regions: list[str]
    numbers: Any


class Owners(NamedTuple):
    """By row number of the table of totals: the code of the entity among `names`, and the partition.

    `names` are sorted by partition; `starts` are the first name of each partition, and the number of names.
    """

    codes: Any
    partitions: Any
    names: list[str]
    starts: list[int]


def owners(found: Tables, entities: Entities, partitions: int) -> Owners:
    """Return the owners of the rows of totals."""
    rows = found.totals[: found.counts[N_TOTALS]]
    known = entities.codes(rows[:, LO], rows[:, KIND] >> ID_KIND_AT)
    is_present = np.zeros(len(entities.names), bool)
    is_present[known] = True
    present = np.flatnonzero(is_present)
    targets = (entities.checksums[present] % np.uint32(partitions)).astype(np.uint16)
    present = present[np.argsort(targets, kind="stable")]
    codes = np.zeros(len(entities.names), np.int64)
    codes[present] = np.arange(len(present))
    names = [entities.names[code] for code in present.tolist()]
    by_row = (entities.checksums[known] % np.uint32(partitions)).astype(np.uint16)
    return Owners(codes[known], by_row, names, _starts(targets, partitions))


def of_totals(found: Tables, owners: Owners, window_s: int, origins: Origins) -> Rows:
    """Return the rows of totals."""
    order = np.argsort(owners.partitions, kind="stable")
    taken, codes = found.totals[order], owners.codes[order]
    kinds = taken[:, KIND]
    columns: dict[str, Any] = {
        "window": taken[:, WINDOW] * window_s,
        "entity": conversations.to_entities(codes, owners.names),
        "action": kinds & (1 << ACTION_BITS) - 1,
        "protocol": kinds >> ACTION_BITS & (1 << PROTOCOL_BITS) - 1,
        "maps": partials.to_column(found.maps, found.map_of[order]),
    }
    columns |= {name: np.ascontiguousarray(taken[:, word]) for word, name in enumerate(_TOTALS, FLOWS)}
    columns |= {
        name: pl.Series(texts, dtype=pl.String).gather(origins.numbers[order])
        for name, texts in zip(partials.ORIGIN, (origins.accounts, origins.regions), strict=True)
    }
    schema = {**partials.SCHEMA, "entity": columns["entity"].dtype}
    frame = pl.DataFrame({name: columns[name] for name in schema}, schema=schema)
    return Rows(frame, codes, _starts(owners.partitions, len(owners.starts) - 1))


def of_conversations(found: Tables, owners: Owners, window_s: int) -> Rows:
    """Return the rows of conversations."""
    used = int(found.counts[N_CONVERSATIONS])
    numbers = found.conversations[:used, CONTEXT] & (1 << PORT_AT) - 1
    starts = _starts(owners.partitions[numbers], len(owners.starts) - 1)
    out = _Out(
        np.empty(used, np.int64),
        np.empty((len(_ADDRESSES), used), np.uint64),
        np.empty((len(_SUMS), used), np.int64),
        *(np.empty(used, kind) for _, kind in _SMALL),
    )
    _write(found, used, owners.codes, owners.partitions, window_s, np.array(starts[:-1]), out)
    columns: dict[str, Any] = dict(zip(_ADDRESSES, out.addresses, strict=True))
    columns |= zip(_SUMS, out.sums, strict=True)
    columns |= {name: getattr(out, name) for name, _ in _SMALL}
    columns["entity"] = conversations.to_entities(out.entities, owners.names)
    frame = pl.DataFrame([pl.Series(name, columns[name]) for name in conversations.SCHEMA])
    return Rows(frame, out.entities, starts)


def parts(owners: Owners, totals: Rows, found: Rows) -> Iterator[tuple[int, pl.DataFrame, pl.DataFrame]]:
    """Yield each partition that has rows, its totals and its conversations.

    The entity is a String in totals, and an Enum of the entities of the partition in conversations.
    """
    for partition, (first, after) in enumerate(pairwise(owners.starts)):
        if first == after:
            continue
        names = owners.names[first:after]
        rows, codes = _part(totals, partition, first)
        rows.replace_column(rows.columns.index("entity"), pl.Series("entity", names).gather(codes))
        others, codes = _part(found, partition, first)
        others.replace_column(others.columns.index("entity"), conversations.to_entities(codes, names))
        yield partition, rows, others


def by_windows(
    totals: pl.DataFrame, found: pl.DataFrame, most: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the rows of a partition in parts of at most `most` rows, never between the rows of one window.

    A part with the rows of a single window may be larger.
    """
    if len(totals) + len(found) <= most:
        yield totals, found
        return
    windows, counts = np.unique(np.concatenate([totals["window"], found["window"]]), return_counts=True)
    begin = size = 0
    for at, count in enumerate([*counts.tolist(), most]):
        if size and size + count > most:
            chosen = pl.col("window").is_between(windows[begin], windows[at - 1])
            yield totals.filter(chosen), found.filter(chosen)
            begin = at
            size = 0
        size += count


def _part(of: Rows, partition: int, first_name: int) -> tuple[pl.DataFrame, Any]:
    """Return the rows of a partition, and the codes of their entities among its names."""
    start, after = of.starts[partition], of.starts[partition + 1]
    return of.frame.slice(start, after - start), of.codes[start:after] - first_name


def _starts(targets: Any, partitions: int) -> list[int]:
    """Return the first row of each partition of sorted rows, and the number of rows."""
    return [0, *np.cumsum(np.bincount(targets, minlength=partitions)).tolist()]


class _Out(NamedTuple):
    """The columns that `_write` fills."""

    entities: Any
    addresses: Any
    sums: Any
    action: Any
    direction: Any
    port: Any
    port_rule: Any
    protocol: Any
    tcp_flags: Any


@inlined
def _address(found, form, bits, out, word, place):  # type: ignore[no-untyped-def]
    """Write the two words of an address."""
    hi, lo = uint64(0), uint64(0)
    if form == FORM_V4:
        lo = _MAPPED | bits
    elif form != FORM_ABSENT:
        hi, lo = uint64(found.addresses[bits, 0]), uint64(found.addresses[bits, 1])
    out.addresses[word, place], out.addresses[word + 1, place] = hi, lo


@uncounted
def _write(found, used, codes, targets, window_s, places, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    """Write the rows of conversations; `places` are the next places of each partition."""
    half = uint64((1 << 32) - 1)
    for number in range(used):
        row = found.conversations[number]
        context = uint64(row[CONTEXT])
        total = np.int64(context & uint64((1 << PORT_AT) - 1))
        of_total = found.totals[total]
        place = places[targets[total]]
        places[targets[total]] += 1
        out.entities[place] = codes[total]
        out.action[place] = of_total[KIND] & (1 << ACTION_BITS) - 1
        out.protocol[place] = of_total[KIND] >> ACTION_BITS & (1 << PROTOCOL_BITS) - 1
        out.port[place] = np.int64(context >> uint64(PORT_AT) & uint64((1 << RULE_AT - PORT_AT) - 1)) - 1
        out.port_rule[place] = context >> uint64(RULE_AT) & uint64(7)
        out.direction[place] = context >> uint64(DIRECTION_AT) & uint64(3)
        out.tcp_flags[place] = row[FLOWS_FLAGS] & (1 << FLAG_BITS) - 1
        out.sums[0, place], out.sums[1, place] = of_total[WINDOW] * window_s, row[FLOWS_FLAGS] >> FLAG_BITS
        for word in range(2, 6):
            out.sums[word, place] = row[2 + word]
        for nth in range(4):
            form = context >> uint64(FORMS_AT + 2 * nth) & uint64(3)
            bits = uint64(row[ENDS if nth < 2 else PKT_ENDS]) >> uint64(32 * (nth & 1)) & half
            _address(found, form, bits, out, 2 * nth, place)
