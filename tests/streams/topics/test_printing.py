"""The table, JSON lines and CSV of `vpcflow read`."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest

from streams.topics.decoding import updates
from streams.topics.naming import add_names
from streams.topics.printing import BATCH_ROWS, printer
from tests.streams.topics.rows import AGGREGATE, aggregate, directory


def printed(form: str, rows: list[dict[str, Any]], width: int | None = None) -> str:
    out: list[str] = []
    printer(form, "aggregates", out.append, width)(rows)
    return "".join(out)


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    found = []
    for number in range(count):
        (update,) = updates(
            "aggregates", aggregate(window_start=AGGREGATE.window_start + 60 * number, **changes)
        )
        add_names(directory(), "aggregates", update.rows[0])
        found += update.rows
    return found


def test_json_has_a_line_for_each_row() -> None:
    lines = printed("json", rows(2)).splitlines()
    assert [orjson.loads(line) for line in lines] == rows(2)


def test_csv_is_read_back() -> None:
    found = list(csv.DictReader(io.StringIO(printed("csv", rows(1, eni='a,"b\r\n')), newline="")))
    assert found[0]["eni"] == 'a,"b\r\n'
    assert (found[0]["final"], found[0]["protocols"]) == ("false", '{"6":[301,302,18060]}')


def test_a_table_has_one_header_and_the_same_columns_in_every_batch() -> None:
    lines = printed("table", rows(BATCH_ROWS + 1)).splitlines()
    assert len(lines) == BATCH_ROWS + 2
    header = "time interface action flows packets bytes ports sources rev state"
    assert lines[0].split() == header.split(" ")
    assert lines[1].split()[:4] == ["2026-01-01", "00:01:00", "web", "REJECT"]
    assert {len(line) for line in lines[1:]} == {len(lines[1])}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_table_fits_the_terminal(width: int) -> None:
    lines = printed("table", rows(3, eni="eni-" + "x" * 90), width).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
