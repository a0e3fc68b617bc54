"""The account at a moment in the past, from the topic `inventory`, for `vpcflow diagnose --at`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from aiokafka.errors import KafkaError

from connectors.inventory.follower import Follower
from connectors.inventory.network_at import clients_at
from connectors.inventory.network_rows import NetworkHistory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import MissingAcl
from connectors.kafka.reachability import why_unreachable
from connectors.settings import Common
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.account.reading import read_inventory
from connectors.vpc.diagnosis.account.services import read_services
from streams.commands.reachability.account import fail
from streams.commands.running import settings_of
from streams.topics.moments import moment_ms


def read_account_at(text: str) -> Inventory:
    """Return the account at a moment. Ends the process with status 2 if it is unknown."""
    try:
        at_s = moment_ms(text, time.time_ns() // 1_000_000) // 1000
    except ValueError as error:
        fail(f"--at: {error}.")
    settings = settings_of(Common)
    if (why := asyncio.run(why_unreachable(KafkaConnection.of(settings)))) is not None:
        fail(why)
    try:
        history = asyncio.run(_history(settings))
    except (KafkaError, MissingAcl) as error:
        fail(f"The inventory cannot be read: {error}.")
    return inventory_at(history, at_s, text)


def inventory_at(history: NetworkHistory, at_s: int, text: str) -> Inventory:
    """Return the account of the only place that is known at a moment. Ends the process if there is none."""
    places = [
        place
        for place in history.places()
        if (begin := history.begins_s(*place)) is not None and begin <= at_s
    ]
    if not places:
        fail(
            f"The inventory has no configuration at {text}: run `vpcflow inventory`, or choose a later time."
        )
    if len(places) > 1:
        shown = ", ".join(f"{account} in {region}" for account, region in places)
        fail(f"The inventory has several accounts or Regions ({shown}): --at needs an inventory of one.")
    clients = clients_at(history, *places[0], at_s)
    found = read_inventory(clients["ec2"], clients["elbv2"], clients["rds"])
    unread = dict(found.unread)
    services = read_services(clients["elasticache"], clients["lambda"], clients["ecs"], unread)
    return replace(found, services=services, unread=unread, has_services=True)


async def _history(settings: Common) -> NetworkHistory:
    history = NetworkHistory()
    await Follower(settings, history).read()
    return history
