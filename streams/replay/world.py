"""A replay of the flow logs of a synthetic estate, which the emulator builds, delivers and counts."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console

from emulator.kafka.ports import free_port
from emulator.ledger import ledger as ledgers
from emulator.ledger.ledger import Ledger
from emulator.world.builder.building import BuildError
from emulator.world.builder.provisioning import AwsEndpoint, FlowLogOptions, ProvisionError, provision
from emulator.world.remote import NoWorld, RemoteWorld
from emulator.world.running import built, topology_of
from emulator.world.settings import BadWorld, WorldSettings, read
from emulator.world.topology.file import BadTopology
from streams.replay.load import ReplayError, ReplayOptions

LOOK_S = 0.25
NAME = "vpcflow-replay"


@dataclass(frozen=True, slots=True)
class FlowLogDelivery:
    """The delivery of flow logs to the connector: the destination, and the connector's command line."""

    wanted: FlowLogOptions
    arguments: list[str]
    env: dict[str, str] = field(default_factory=dict)


def delivery(options: ReplayOptions, stream: str) -> FlowLogDelivery:
    """Return the delivery for the source of the options, which are checked."""
    if options.source == "s3":
        wanted = FlowLogOptions(to="s3", name=NAME)
        return FlowLogDelivery(wanted, ["connect", "s3", "--bucket", NAME], {"VPCFLOW_S3_LIST_S": "1"})
    if options.source == "firehose":
        port, key = free_port(), secrets.token_urlsafe(24)
        url = f"http://127.0.0.1:{port}/"
        wanted = FlowLogOptions(to="firehose", name=NAME, http_endpoint=url, access_key=key)
        return FlowLogDelivery(
            wanted, ["connect", "firehose", "--port", str(port)], {"VPCFLOW_FIREHOSE_KEY": key}
        )
    return FlowLogDelivery(
        FlowLogOptions(stream=stream, shards=options.shards, name=NAME), ["connect", "kinesis"]
    )


def settings(options: ReplayOptions) -> WorldSettings:
    """Return the settings of the simulation. Raises `ReplayError`."""
    try:
        return read(
            {
                "seed": options.seed,
                "busy": options.busy,
                "incidents": options.incidents,
                "records": options.records,
                "rate": options.rate or 0.0,
                # The replay does not read the log group, and moto never deletes events.
                "keeps_log_events": False,
            }
        )
    except BadWorld as error:
        raise ReplayError(str(error)) from error


async def prepare(options: ReplayOptions, url: str, wanted: FlowLogOptions, console: Console) -> None:
    """Build the estate and create its flow logs. Raises `ReplayError`."""
    endpoint = AwsEndpoint(url)
    try:
        topology = topology_of(options.world or "")
        estate = await built(endpoint, topology, console)
        vpcs = [estate.id("vpc", name) for name in topology.vpcs]
        await asyncio.to_thread(provision, endpoint, vpcs, wanted)
    except (BadTopology, BuildError, ProvisionError) as error:
        raise ReplayError(str(error)) from error


async def play(url: str, how: WorldSettings, on_lines: Callable[[int], None]) -> Ledger:
    """Simulate a bounded load to its end; return its ledger. Raises `ReplayError`."""
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
