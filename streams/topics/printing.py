"""The output of `vpcflow read`: a table, JSON lines or CSV, written a batch of rows at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from itertools import islice

import orjson
from rich.console import Console
from rich.table import Table

from streams.topics.columns import NUMERIC, csv_cells, csv_header, table_cells
from streams.topics.decoding import Row

BATCH_ROWS = 500
UNLIMITED_WIDTH = 10_000

Write = Callable[[str], None]
Print = Callable[[Iterable[Row]], None]


def printer(form: str, topic: str, write: Write, width: int | None) -> Print:
    """Return a function that prints rows. `width` is that of the terminal, None without one."""
    if form == "json":
        return _in_batches(lambda rows: write("".join(orjson.dumps(row).decode() + "\n" for row in rows)))
    if form == "csv":
        return _Csv(topic, write)
    return _Table(topic, write, width or UNLIMITED_WIDTH)


def _in_batches(write: Callable[[list[Row]], None]) -> Print:
    def all_of(rows: Iterable[Row]) -> None:
        remaining = iter(rows)
        while batch := list(islice(remaining, BATCH_ROWS)):
            write(batch)

    return all_of


class _Csv:
    """CSV as RFC 4180 has it, with one header."""

    def __init__(self, topic: str, write: Write) -> None:
        self._topic, self._write = topic, write
        self._write(_csv([csv_header(topic)]))

    def __call__(self, rows: Iterable[Row]) -> None:
        _in_batches(lambda batch: self._write(_csv(csv_cells(self._topic, row) for row in batch)))(rows)


def _csv(cells: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(cells)
    return text.getvalue()


class _Table:
    """A table with one header; a column never becomes narrower than in an earlier batch."""

    def __init__(self, topic: str, write: Write, width: int) -> None:
        self._topic, self._write, self._width = topic, write, width
        self._widths: dict[str, int] = {}

    def __call__(self, rows: Iterable[Row]) -> None:
        _in_batches(self._print)(rows)

    def _print(self, batch: list[Row]) -> None:
        cells = [table_cells(self._topic, row) for row in batch]
        is_first = not self._widths
        for name in cells[0]:
            widest = max(len(one[name]) for one in cells)
            self._widths[name] = max(self._widths.get(name, len(name)), widest)
        table = Table(box=None, pad_edge=False, show_header=is_first)
        for name, width in self._widths.items():
            table.add_column(
                name,
                justify="right" if name in NUMERIC else "left",
                min_width=min(width, self._width // 4),
                no_wrap=True,
                overflow="ellipsis",
            )
        out = Console(file=io.StringIO(), width=self._width, markup=False, highlight=False, emoji=False)
        for one in cells:
            table.add_row(*one.values())
        with out.capture() as captured:
            out.print(table)
        self._write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
