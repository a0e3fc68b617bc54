"""`make bench-archive`: a day of conversations of an estate in an archive, and the time of queries on it.

The rows are generated, and written by the archive's own code: parts of five minutes for the newest hour, and
compacted hours with their roll-ups for the others. The estate has 2,000 interfaces. Each has 52 conversations
a minute, of 400 pairs with other interfaces and, one in ten, with one of 100,000 addresses of the internet.
Queries run in a new process each, on two threads, as `vpcflow query` does; seconds and CPU-seconds include
all but the start of Python and of DuckDB. On two free cores, the seconds are about half of the CPU-seconds.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from streams.archive import compaction
from streams.archive.names import Part
from streams.archive.parquet import decode, encode
from streams.archive.storage.folder import Folder
from streams.archive.tables import CONVERSATIONS, FOLDER, HOUR_S, TABLES
from tests.bench.results import Result, merge

START = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp())
ENIS, PARTITIONS, ROWS_A_MINUTE, PAIRS, CLIENTS = 2_000, 8, 52, 400, 100_000
PARTS_AN_HOUR = 12
CONSOLE = Console()

QUERIES = {
    "pairs_hour": (
        "top pairs of an hour",
        "SELECT source, destination, sum(bytes) AS bytes FROM conversations WHERE window_start >= '{hour}'"
        " AND window_start < '{hour}'::TIMESTAMP + INTERVAL 1 HOUR GROUP BY ALL ORDER BY bytes DESC LIMIT 10",
    ),
    "pairs_hour_1h": (
        "top pairs of an hour, roll-up",
        "SELECT source, destination, sum(bytes) AS bytes FROM conversations_1h WHERE window_start = '{hour}'"
        " GROUP BY ALL ORDER BY bytes DESC LIMIT 10",
    ),
    "pairs_newest_hour": (
        "top pairs of the newest hour, not compacted",
        "SELECT source, destination, sum(bytes) AS bytes FROM conversations WHERE window_start >= '{newest}'"
        " GROUP BY ALL ORDER BY bytes DESC LIMIT 10",
    ),
    "pairs_day_1d": (
        "top pairs of the day, roll-up",
        "SELECT source, destination, sum(bytes) AS bytes FROM conversations_1d GROUP BY ALL"
        " ORDER BY bytes DESC LIMIT 10",
    ),
    "pairs_day": (
        "top pairs of the day, windows",
        "SELECT source, destination, sum(bytes) AS bytes FROM conversations GROUP BY ALL ORDER BY bytes DESC"
        " LIMIT 10",
    ),
    "eni_day": (
        "one interface over the day, by minute",
        "SELECT window_start, sum(bytes) AS bytes FROM conversations WHERE eni = 'eni-00000000000000007'"
        " GROUP BY ALL ORDER BY ALL",
    ),
    "address_hour": (
        "the peers of one address in an hour",
        "SELECT source, destination, port, sum(bytes) AS bytes FROM conversations WHERE window_start >="
        " '{hour}' AND window_start < '{hour}'::TIMESTAMP + INTERVAL 1 HOUR"
        " AND '10.0.0.7' IN (source, destination) GROUP BY ALL ORDER BY bytes DESC",
    ),
    "matrix_hour": (
        "bytes by path of an hour, matrix_1h with --from and --to",
        "SELECT path, sum(bytes), sum(cost) FROM matrix_1h GROUP BY ALL",
    ),
}


def _address(numbers: Any) -> pl.Series:
    host = pl.Series("n", numbers)
    private = pl.format("10.{}.{}.{}", host // 65_536, host // 256 % 256, host % 256)
    outside = pl.format("198.{}.{}.{}", host // 65_536 % 2 + 18, host // 256 % 256, host % 256)
    return pl.select(pl.when(host < ENIS).then(private).otherwise(outside)).to_series()


class Estate:
    """The conversations of the interfaces of one partition."""

    def __init__(self, q: int) -> None:
        self._chance = np.random.default_rng(q)
        self._enis = np.arange(q, ENIS, PARTITIONS)
        shape = len(self._enis), PAIRS
        self._peers = self._chance.integers(0, ENIS, shape)
        self._ports = self._chance.choice([443, 80, 5432, 6379, 53, 9092, 8080, 22], shape)

    def rows(self, window: int, minutes: int) -> pl.DataFrame:
        """Return the conversations of some minutes, without a column for the message."""
        chance, enis = self._chance, len(self._enis)
        count = minutes * enis * ROWS_A_MINUTE
        place = np.tile(np.repeat(np.arange(enis), ROWS_A_MINUTE), minutes)
        pair = np.minimum(chance.zipf(1.2, count) - 1, PAIRS - 1)
        is_client = chance.random(count) < 0.1
        peer = np.where(is_client, ENIS + chance.integers(0, CLIENTS, count), self._peers[place, pair])
        port = np.where(is_client, 443, self._ports[place, pair])
        is_egress = ~is_client & (chance.random(count) < 0.5)
        own = self._enis[place]
        start = window + 60 * np.repeat(np.arange(minutes), enis * ROWS_A_MINUTE)
        packets = chance.zipf(1.5, count).clip(1, 10**6)
        names = pl.Series([f"eni-{n:017d}" for n in range(ENIS)])
        seconds = pl.Series(start * 1_000_000).cast(pl.Datetime("us"))
        found = {
            "window_start": seconds,
            "window_s": np.full(count, 60, np.int32),
            "eni": names.gather(own),
            "action": pl.Series(np.where(chance.random(count) < 0.03, 1, 0)).replace_strict(
                {0: "ACCEPT", 1: "REJECT"}
            ),
            "direction": pl.Series(is_egress).replace_strict({True: "egress", False: "ingress"}),
            "source": _address(np.where(is_egress, own, peer)),
            "destination": _address(np.where(is_egress, peer, own)),
            "port": port.astype(np.int32),
            "protocol": np.full(count, 6, np.int16),
            "flows": chance.integers(1, 4, count),
            "packets": packets,
            "bytes": packets * chance.integers(40, 1500, count),
            "first": seconds,
            "last": seconds + timedelta(seconds=59),
            "tcp_flags": np.full(count, 27, np.uint16),
        }
        return pl.DataFrame(found).with_columns(
            pl.lit("flow-direction").alias("direction_rule"),
            pl.lit("syn").alias("port_rule"),
            *(pl.lit("").alias(name) for name in ("pkt_source", "pkt_destination")),
            *(pl.lit(0, pl.Int64).alias(f"bound_{name}") for name in ("flows", "packets", "bytes")),
            pl.lit(1, pl.Int64).alias("revision"),
            pl.lit(False).alias("is_other"),
            pl.lit("111122223333").alias("account"),
            pl.lit("us-east-1").alias("region"),
        )


def _write(folder: Folder, files: compaction.Files) -> Iterator[tuple[Part, pl.DataFrame, int]]:
    for part, rows in files:
        data = encode(rows, TABLES[part.table])
        folder.stage("_staging/bench.parquet", data)
        folder.publish("_staging/bench.parquet", part.path)
        yield part, rows, len(data)


def build(root: Path, hours: int) -> tuple[int, int, float]:
    """Write an archive; return its rows of windows, its bytes, and the CPU-seconds of its writing."""
    folder, rows_written, bytes_written, cpu_s = Folder(root), 0, 0, 0.0
    for q in range(PARTITIONS):
        estate, number, hourly = Estate(q), 0, {}
        for hour in range(hours):
            is_newest = hour == hours - 1
            parts = PARTS_AN_HOUR if is_newest else 1
            for place in range(parts):
                start = START + hour * HOUR_S + place * HOUR_S // parts
                rows = estate.rows(start, 60 // parts).with_columns(message=pl.lit(number, pl.Int64))
                began = time.process_time()
                rows = rows.select(*CONVERSATIONS.schema, *FOLDER).cast(dict(CONVERSATIONS.schema))
                files = compaction.of_batch(rows, CONVERSATIONS, q, number, number)
                number += 1
                for part, kept, size in _write(folder, files):
                    rows_written, bytes_written = rows_written + len(kept), bytes_written + size
                    if is_newest:
                        continue
                    for rolled, sums, size_of_roll_up in _write(folder, compaction.of_hour({part: rows})):
                        bytes_written += size_of_roll_up
                        if rolled.table == "conversations_1h":
                            hourly[rolled] = decode(encode(sums, TABLES[rolled.table]), rolled)
                cpu_s += time.process_time() - began
            CONSOLE.print(f"partition {q}, hour {hour}: {rows_written:,} rows, {bytes_written >> 20:,} MB")
        began = time.process_time()
        bytes_written += sum(size for _, _, size in _write(folder, compaction.of_day(hourly)))
        cpu_s += time.process_time() - began
    return rows_written, bytes_written, cpu_s


RUN = """
import sys, time
from pathlib import Path
from streams.archive.query.chosen import TimeRange
from streams.archive.query.matrix import Prices
from streams.archive.query.session import Limits, Session
from streams.archive.storage.folder import Folder
import duckdb
root = Path(sys.argv[1])
began, used = time.perf_counter(), time.process_time()
session = Session(Folder(root), root, Limits(4096, 2, Prices(0.01, 0.045, 0.09, 0.01, 0.02)))
since = int(sys.argv[3])
rows = session.run(sys.argv[2], TimeRange(since, since + 3600) if since else TimeRange()).rows
print(time.perf_counter() - began, time.process_time() - used, len(rows))
"""


def measure(root: Path, sql: str, since: int) -> tuple[float, float]:
    """Return the least seconds and CPU-seconds of three runs.

    `since` is the start of the hour to which the query is limited, epoch seconds; 0 for no limit.
    """
    times = []
    for _ in range(3):
        command = [sys.executable, "-c", RUN, str(root), sql, str(since)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        seconds, cpu_s, rows = done.stdout.split()
        assert int(rows) > 0
        times.append((float(seconds), float(cpu_s)))
    return min(one for one, _ in times), min(two for _, two in times)


def main() -> None:
    """Build the archive if it is not there, and measure every query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="hours of the day to generate")
    parser.add_argument("--folder", type=Path, default=Path("build/bench-archive"))
    parser.add_argument("--keep", action="store_true", help="use the archive that is there, and keep it")
    given = parser.parse_args()
    result: dict[str, Result] = {}
    if not (given.keep and given.folder.exists()):
        shutil.rmtree(given.folder, ignore_errors=True)
        rows, size, cpu_s = build(given.folder, given.hours)
        CONSOLE.print(
            f"{rows:,} rows, {size / rows:.1f} bytes a row with roll-ups, {rows / cpu_s:,.0f} rows per CPU-s"
        )
        result["archive_rows"] = {
            "value": rows / cpu_s,
            "unit": "rows per CPU-second",
            "ratio_to": "",
            "ratio": 0.0,
        }
    at = START + (given.hours - 2) * HOUR_S
    hour = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:00:00}"
    newest = f"{datetime.fromtimestamp(at + HOUR_S, UTC):%Y-%m-%d %H:00:00}"
    table = Table("query", "seconds", "CPU-seconds", title="bench-archive", title_justify="left")
    for name, (title, sql) in QUERIES.items():
        since = at if name.startswith("matrix") else 0
        seconds, cpu_s = measure(given.folder, sql.format(hour=hour, newest=newest), since)
        table.add_row(title, f"{seconds:.2f}", f"{cpu_s:.2f}")
        result[f"query_{name}"] = {"value": seconds, "unit": "seconds", "ratio_to": "", "ratio": 0.0}
    CONSOLE.print(table)
    merge(result)
    if not given.keep:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
