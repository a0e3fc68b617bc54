"""`make bench`: records per CPU-second of every stage, beside floors and a peer of the same run.

Prints a table and writes `build/bench.json` for tools: name → value, unit, and the ratio to another name.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from rich.console import Console
from rich.table import Table

from emulator.kafka.cluster import kafka_node
from tests.bench import emulator, faust_plain, stages, worker
from tests.bench.load import LINES, estate_texts, texts
from tests.bench.results import Result, merge

PLAIN_LINES = 10_000
UNIT = "lines per CPU-second"


async def _faust_plain() -> float:
    async with kafka_node() as node:
        sent = await faust_plain.produce(node.bootstrap, PLAIN_LINES)
        command = [sys.executable, "-m", "tests.bench.faust_plain", node.bootstrap, str(sent)]
        env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        answer = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=120, check=True, env=env
        )
        return sent / float(answer.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure every stage, one after the other."""
    console = Console()
    values: dict[str, float] = {}
    with console.status("floors"):
        values |= stages.floors()
    for name, lines in (("sums_64k", 560), ("sums_256k", 2240), ("sums", 9000)):
        with console.status(name):
            values[name] = stages.sums(texts(LINES, lines))
    with console.status("sums of an estate"):
        values["sums_estate"] = stages.sums(estate_texts())
    with console.status("partials"):
        values["partials"] = stages.partials_of(texts())
        values["partials_estate"] = stages.partials_of(estate_texts())
    with console.status("connector"):
        values["connector"] = asyncio.run(stages.connector())
    with console.status("emulator"):
        values |= asyncio.run(emulator.measure())
    with console.status("worker"):
        measured = asyncio.run(worker.measure())
        values["worker"] = measured["lines_per_cpu_s"]
    with console.status("an ordinary Faust app"):
        values["faust_plain"] = asyncio.run(_faust_plain())
    _report(console, values, measured)


RATIO_TO = {"worker": "faust_plain", "faust_plain": "worker", "floor_memcpy": "floor_memcpy"}


def _report(console: Console, values: dict[str, float], measured: dict[str, float]) -> None:
    table = Table("stage", UNIT, "ratio", "to", title="bench", title_justify="left")
    result: dict[str, Result] = {}
    for name, value in values.items():
        other = RATIO_TO.get(name, "floor_newlines")
        ratio = value / values[other]
        result[name] = {"value": value, "unit": UNIT, "ratio_to": other, "ratio": ratio}
        table.add_row(name, f"{value:,.0f}", f"{ratio:,.4g}", other)
    console.print(table)
    console.print(
        f"worker: {measured['idle_mb']:.0f} MB idle, {measured['peak_mb']:.0f} MB at most,"
        f" {measured['messages']:,.0f} aggregates for {measured['windows']:,.0f} windows,"
        f" {measured['final']:,.0f} of them final"
    )
    merge(result)


if __name__ == "__main__":
    main()
