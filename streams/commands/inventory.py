"""`vpcflow inventory`: owners of addresses and the network configuration, from AWS into Kafka."""

from __future__ import annotations

import asyncio

import click

from connectors.inventory.reading.permissions import ACTIONS
from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.command(epilog=f"IAM actions: {', '.join(sorted(ACTIONS))}; for other accounts, sts:AssumeRole.")
@KAFKA
@click.option(
    "--regions",
    "inventory_regions",
    help="Regions to read, with commas between. Default: the Region of the AWS settings."
    "  [VPCFLOW_INVENTORY_REGIONS]",
)
@click.option(
    "--roles",
    "inventory_roles",
    help="ARNs of roles to assume in other accounts, with commas between.  [VPCFLOW_INVENTORY_ROLES]",
)
@click.option(
    "--every",
    "inventory_s",
    type=float,
    help="Seconds from one reading to the next.  [VPCFLOW_INVENTORY_S, default 60]",
)
def inventory(kafka: str | None, **flags: str | float | None) -> None:
    """Read the owners of interfaces and addresses from AWS.

    Reads EC2, ELBv2, RDS, ElastiCache, Lambda, ECS, EKS and tags every minute, and writes the changes to the
    topic `inventory`: each interface with its addresses, its owner and the time of both, and the network
    configuration. If AWS denies a call, the command names the permission and reads the rest. Run one instance
    for each VPCFLOW_PREFIX.
    """
    from connectors.aws.session import check_access
    from connectors.errors import ConnectError
    from connectors.inventory import process
    from connectors.kafka.topics import TopicError
    from connectors.settings import Inventory

    settings = settings_of(Inventory, kafka=kafka, **flags)

    async def start() -> None:
        await asyncio.to_thread(check_access, "sts")
        await process.run(settings)

    run_with_settings(start, (TopicError, ConnectError))
