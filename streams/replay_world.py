"""A replay whose lines are flow logs of a synthetic estate: built, delivered and counted by the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.console import Console

from emulator import ledger as ledgers
from emulator.ledger import Ledger
from emulator.world.building import BuildError
from emulator.world.provisioning import Endpoint, ProvisionError, Wanted, provision
from emulator.world.remote import NoWorld, RemoteWorld
from emulator.world.running import built, topology_of
from emulator.world.settings import BadWorld, WorldSettings, read
from emulator.world.topology_file import BadTopology
from streams.replay_load import Options, ReplayError

LOOK_S = 0.25


def settings(options: Options, closing_s: int) -> WorldSettings:
    """Return how the world is to be played. Raises `ReplayError`."""
    try:
        return read(
            {
                "seed": options.seed,
                "busy": options.busy,
                "incidents": options.incidents,
                "records": options.records,
                "rate": options.rate or 0.0,
                "closing_s": closing_s,
                # Nobody looks at the log group, and moto would keep every event for ever.
                "keeps_log_events": False,
            }
        )
    except BadWorld as error:
        raise ReplayError(str(error)) from error


async def prepare(options: Options, url: str, stream: str, console: Console) -> None:
    """Build the estate, and flow logs that a subscription carries to Kinesis. Raises `ReplayError`."""
    endpoint = Endpoint(url)
    try:
        topology = topology_of(options.world or "")
        estate = await built(endpoint, topology, console)
        vpcs = [estate.id("vpc", name) for name in topology.vpcs]
        wanted = Wanted(stream=stream, shards=options.shards)
        await asyncio.to_thread(provision, endpoint, vpcs, wanted)
    except (BadTopology, BuildError, ProvisionError) as error:
        raise ReplayError(str(error)) from error


async def play(url: str, how: WorldSettings, on_lines: Callable[[int], None]) -> Ledger:
    """Play a bounded load to its end; return its ledger. Raises `ReplayError`."""
    world = RemoteWorld(url)
    try:
        await world.play(how)
        while True:
            await asyncio.sleep(LOOK_S)
            progress = await world.progress()
            on_lines(sum(one["lines"] for one in await world.flow_logs()))
            if progress["failure"]:
                raise ReplayError(progress["failure"])
            if progress["is_done"]:
                break
        failed = [one for one in await world.flow_logs() if one["error"] or one["lost"]]
        if failed:
            raise ReplayError(f"{failed[0]['flow_log_id']} was not delivered: {failed[0]['reason']}")
        return ledgers.from_json(await world.ledger())
    except NoWorld as error:
        raise ReplayError(str(error)) from error
