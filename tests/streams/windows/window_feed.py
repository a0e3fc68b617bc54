"""Partials for windows as a hop gives them, and aggregates found by key: what tests of windows share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TypeVar

from streams.records import Aggregate, Final
from streams.sums.partials import Row, frame
from streams.windows import aggregate_encoding
from streams.windows.flushed import Flushed
from streams.windows.merge import Rules, Windows
from streams.windows.partial import Partial
from streams.windows.position import Producer
from streams.windows.watermark import Time
from streams.windows.window_table import Cells
from tests.build import decode_aggregate

RULES = Rules(slots=1)
OTHER = "eni-00000000000000001"
Key = tuple[str, str, int]
Told = TypeVar("Told", Aggregate, Final)


def feed(windows: Windows, name: int, newest: int, *rows: Row, arrival_ms: int = 0) -> None:
    """Apply one partial as the hop does: its producer's number and offset go first.

    Its watermark is its newest `start`, as of a source that is behind.
    """
    producer = windows.producers.setdefault(name, Producer())
    producer.read.number += 1
    producer.read.offset = windows.offset + 1
    windows.advance(producer, Time(newest, newest))
    if rows:
        windows.add(Partial.of(frame(rows), arrival_ms=arrival_ms))


def aggregates_of(flushed: Flushed) -> list[Aggregate]:
    """Return the aggregates that a flush publishes."""
    return [decode_aggregate(value) for _, value in flushed.published]


def finals_of(flushed: Flushed) -> list[Final]:
    """Return the detector rows of a flush."""
    names = [f.name for f in fields(Final)]
    return [Final(*row) for row in flushed.detector_rows.select(names).rows()]


def kept_aggregates(windows: Windows) -> list[Aggregate]:
    """Return every aggregate that is kept, as it was published last."""
    found: list[Aggregate] = []
    for rows in windows._tables.values():
        cells, rules = Cells.of(rows, windows._maps), windows.rules
        context = aggregate_encoding.Context(windows._names, rules.window_s, windows.watermark, 0, {})
        _, values = aggregate_encoding.write(cells, context)
        found += map(decode_aggregate, values)
    return found


def by_key(rows: Iterable[Told]) -> dict[Key, Told]:
    return {(row.eni, row.action, row.window_start): row for row in rows}


def as_finals(aggregates: Iterable[Aggregate]) -> list[Final]:
    """Return what detectors are told of these."""
    return [Final(**{f.name: getattr(one, f.name) for f in fields(Final)}) for one in aggregates]


def keep(state: dict[bytes, bytes], flushed: Flushed) -> None:
    """Apply what a flush writes, as the slot does."""
    for key, value in flushed.state.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value
