"""`python -m tests.bench.alerts_day [MINUTES]`: false alerts and found incidents in a day of two worlds.

`shop` and `estate` are built through the API, read back, and played twice: without incidents, where every
alert is false, and with all of them, where every one that has a rule must be found. Internet noise is on in
both. Simulated time; a day of `estate` has 530 million lines. Exits with 1 if an alert is false or missed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from rich.console import Console
from rich.table import Table

from connectors.vpc.ec2.reading import read
from connectors.vpc.estate import Estate
from emulator.kafka.ports import free_port
from emulator.world.builder.building import build
from emulator.world.builder.provisioning import AwsEndpoint
from emulator.world.incidents.targets import KINDS
from emulator.world.topology.presets import preset
from streams.replay.processes import Child
from tests.processes import answers, until
from tests.streams.alerts.alerts_day import DAY, Day, played

WORLDS = ("shop", "estate")


async def _built(name: str) -> Estate:
    """Build a preset at an emulator of its own, and read it back."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        server = Child("emulate", ["emulate", "--port", str(port)], {}, Path(folder))
        await server.start()
        try:
            await until(lambda: answers(f"{url}/_localstack/health"), "no emulator")
            client = AwsEndpoint(url).client("ec2")
            await build(client, preset(name))
            return (await asyncio.to_thread(read, client)).estate
        finally:
            await server.stop()


def _row(name: str, what: str, day: Day) -> tuple[str, ...]:
    report = day.report
    by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(day.false.items()))
    planted = len(report.found) + len(report.missed)
    return (
        name,
        what,
        f"{day.lines:,}",
        f"{len(day.interfaces):,}",
        by_rule or "0",
        f"{len(report.found)} of {planted}",
        f"{len(report.related)}",
    )


def main() -> None:
    """Play both worlds twice, and print what fired."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else DAY
    console = Console(width=120)
    table = Table("world", "incidents", "lines", "interfaces", "false alerts", "found", "related")
    is_good = True
    for name in WORLDS:
        estate = asyncio.run(_built(name))
        for what, kinds in (("none", ()), ("all", KINDS)):
            with console.status(f"{name}, {what} incidents"):
                day = played(estate, minutes, kinds)
            table.add_row(*_row(name, what, day))
            is_good &= not (day.report.false or day.report.missed)
    console.print(table)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
