"""The test of `vpcflow inventory`: one reading of each account and Region, which writes nothing."""

from __future__ import annotations

import asyncio
import threading

from connectors.errors import ConnectError
from connectors.inventory.reading.accounts import Accounts, Place, places, regions_of
from connectors.inventory.reading.prefix_files import prefix_sources
from connectors.inventory.reading.region_reading import RegionReader
from connectors.settings import Inventory


class NotReadable(Exception):
    """The inventory cannot be read in full; the message names each reason and the remedy."""


async def read_once(settings: Inventory) -> str:
    """Read every account and Region, and the files of address blocks; return what was found.

    Raises `NotReadable`.
    """
    found: list[str] = []
    wrong: list[str] = []
    accounts = Accounts()
    try:
        wanted = places(settings.inventory_roles, regions_of(settings.inventory_regions))
    except ConnectError as error:
        raise NotReadable(str(error)) from error
    for place in wanted:
        try:
            found.append(await asyncio.to_thread(_read, accounts, place, wrong))
        except ConnectError as error:
            wrong.append(str(error))
    for source in prefix_sources(settings.aws_ranges, settings.prefix_lists):
        row = await source.row()
        if row is None:
            wrong.append(source.why)
        else:
            found.append(f"{len(row.entries)} blocks of {row.source}")
    if wrong:
        raise NotReadable("; ".join([*wrong, *found]))
    return "; ".join(found)


def _read(accounts: Accounts, place: Place, wrong: list[str]) -> str:
    """Read an account and a Region; add the refused actions to `wrong`. Raises `ConnectError`."""
    account = accounts.account_of(place.role)
    named = f"account {account}, Region {place.region}"
    reader = RegionReader(lambda service: accounts.client(place, service), named, threading.Event())
    reading = reader.read()
    if reader.denied:
        wrong.append(f"AWS refuses {', '.join(sorted(reader.denied))} in {named}: allow it in the IAM policy")
    if not reading.has_interfaces and "ec2:DescribeNetworkInterfaces" not in reader.denied:
        wrong.append(f"EC2 did not list the interfaces of {named}: check the network, or AWS_ENDPOINT_URL")
    return f"{named}: {len(reading.sources.interfaces)} interfaces, {reading.calls} calls"
