"""The command `vpcflow world`. It builds an estate, creates its flow logs and shows their delivery.

The emulator simulates the traffic. At its end the command deletes the flow logs that it created, which ends
the traffic. The estate stays for the next start.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from emulator.world.builder.building import Built, build
from emulator.world.builder.provisioning import AwsEndpoint, FlowLogOptions, provision
from emulator.world.remote import NoWorld, RemoteWorld
from emulator.world.settings import WorldSettings
from emulator.world.topology.file import BadTopology, read
from emulator.world.topology.model import Topology
from emulator.world.topology.presets import PRESETS, preset

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The options of `vpcflow world`. `ledger` is the file for the ledger of a bounded load."""

    topology: Topology
    endpoint: AwsEndpoint
    wanted: FlowLogOptions
    settings: WorldSettings
    ledger: Path | None = None


def topology_of(name: str) -> Topology:
    """Return a preset by its name, or the topology in a file. Raises `BadTopology`."""
    if name in PRESETS:
        return preset(name)
    path = Path(name)
    try:
        return read(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(PRESETS)
        raise BadTopology(f"{name} is none of the presets ({known}), and no file: {error}") from error


async def built(endpoint: AwsEndpoint, topology: Topology, console: Console) -> Built:
    """Build or find an estate, with a progress bar."""
    columns = (
        TextColumn("building {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(topology.name, total=None)
        found = await build(
            endpoint.client("ec2"),
            topology,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    enis = sum(kind == "network-interface" for kind, _ in found.ids)
    verb = "was there" if found.was_there else "was built"
    console.print(f"{topology.name} {verb}: {len(topology.vpcs)} VPCs, {enis:,} interfaces")
    return found


async def run(plan: WorldOptions) -> None:
    """Run until Ctrl-C or the end of a bounded load. Raises `NoWorld` and the errors of building."""
    console = Console()
    world = RemoteWorld(plan.endpoint.url)
    await world.progress()  # nothing is built without a running simulator
    estate = await built(plan.endpoint, plan.topology, console)
    vpcs = [estate.id("vpc", name) for name in plan.topology.vpcs]
    flow_logs = await asyncio.to_thread(provision, plan.endpoint, vpcs, plan.wanted)
    console.print(f"{len(flow_logs)} flow logs deliver to {_where(plan.wanted)}; Ctrl-C deletes them")
    console.print(f"look at {plan.endpoint.url}/_vpcflow/")
    watching = asyncio.ensure_future(_watch(world, plan.settings, flow_logs, console))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, watching.cancel)
    try:
        await watching
        if plan.ledger is not None:
            plan.ledger.write_bytes(await world.ledger())
            console.print(f"the ledger is in {plan.ledger}")
    except asyncio.CancelledError:
        console.print("\nstopped: the flow logs are deleted, the estate stays")
    finally:
        ec2 = plan.endpoint.client("ec2")
        await asyncio.to_thread(ec2.delete_flow_logs, FlowLogIds=flow_logs)


async def _watch(world: RemoteWorld, settings: WorldSettings, flow_logs: list[str], console: Console) -> None:
    """Start the world and show its progress until a bounded load ends. Raises `NoWorld` if the load fails."""
    await world.play(settings)
    before, at = 0, time.monotonic()
    with Live(console=console, refresh_per_second=2) as live:
        while True:
            progress = await world.progress()
            mine = [one for one in await world.flow_logs() if one["flow_log_id"] in flow_logs]
            delivered, now = sum(one["lines"] for one in mine), time.monotonic()
            rate = (delivered - before) / max(now - at, 0.001)
            live.update(_table(progress, mine, delivered, rate))
            before, at = delivered, now
            if progress["failure"]:
                raise NoWorld(progress["failure"])
            if progress["is_done"]:
                break
            await asyncio.sleep(LOOK_S)
    for one in await world.flow_logs():
        if one["flow_log_id"] in flow_logs and (one["lost"] or one["error"]):
            raise NoWorld(f"{one['lost']:,} records of {one['flow_log_id']} were lost: {one['reason']}")


def _table(progress: dict[str, Any], flow_logs: list[dict[str, Any]], delivered: int, rate: float) -> Table:
    table = Table.grid(padding=(0, 2))
    shown = time.strftime("%Y-%m-%d %H:%M", time.gmtime(progress["now"])) if progress["now"] else "…"
    pace = "caught up with the present, at speed 1" if progress["has_caught_up"] else ""
    table.add_row("world's time", f"{shown} UTC", pace)
    table.add_row("records made", f"{progress['lines']:,}")
    table.add_row("delivered", f"{delivered:,} ({rate:,.0f}/s)")
    now = progress["now"]
    on = [one["kind"] for one in progress["labels"] if one["window_start"] <= now < one["window_end"]]
    table.add_row("going on", ", ".join(on) or "nothing out of the ordinary")
    for one in flow_logs:
        if one["error"]:
            table.add_row(one["flow_log_id"], f"[red]{one['error']}[/]: {one['reason']}")
    return table


def _where(wanted: FlowLogOptions) -> str:
    return {
        "kinesis": f"log group {wanted.name}, and by a subscription to the Kinesis stream {wanted.stream}",
        "cloudwatch": f"log group {wanted.name}",
        "s3": f"bucket {wanted.name}",
        "firehose": f"delivery stream {wanted.name}, and on to the bucket {wanted.name}",
    }[wanted.to]
