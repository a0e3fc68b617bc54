"""The lines of a file in order of event time, as flow logs arrive.

A window accepts late lines for ten minutes. A file can have another order: an export lists one interface
after the other. Such a file is sorted on disk by spans of ten minutes. Within a span, the order is free.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import polars as pl

from connectors.formats.flowlog import Format
from emulator.ledger.from_file import entity_and_start
from emulator.load.file import BATCH_LINES, Lines
from emulator.load.line_batch import LineBatch

SPAN_S = 600


def by_time(batches: Iterable[Lines]) -> Iterator[Lines]:
    """Yield the lines by spans of `SPAN_S`, oldest first. Lines without a time are first."""
    formats: list[Format] = []
    with tempfile.TemporaryDirectory(prefix="vpcflow-file-") as folder:
        spans: dict[tuple[int, int], Path] = {}
        for part in batches:
            if part.names not in formats:
                formats.append(part.names)
            number = formats.index(part.names)
            for span, lines in _by_span(part).items():
                path = spans.setdefault((span, number), Path(folder) / f"{span}-{number}")
                with path.open("ab") as file:
                    file.writelines(line + b"\n" for line in lines)
        for (_, number), path in sorted(spans.items()):
            with path.open("rb") as file:
                while lines := [line[:-1] for line in islice(file, BATCH_LINES)]:
                    yield Lines(formats[number], lines)


def cut(batch: LineBatch) -> Iterator[LineBatch]:
    """Split a batch into parts of one span each, oldest first."""
    first = batch.first
    by_start = batch.frame.with_columns(span=pl.col("start") // SPAN_S).sort("span", maintain_order=True)
    for part in by_start.partition_by("span", maintain_order=True, include_key=False):
        yield replace(batch, first=first, frame=part)
        first += part.height


def _by_span(part: Lines) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for line in part.lines:
        _, start = entity_and_start(line, part.names)
        found.setdefault(start // SPAN_S, []).append(line)
    return found
