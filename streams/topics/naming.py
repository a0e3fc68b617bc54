"""Names of interfaces and addresses in rows, from the inventory at the time of the row. Pure."""

from __future__ import annotations

from typing import Any

from connectors.inventory.directory import Directory, Owner
from streams.topics.decoding import WITH_ENI, Row, eni_of, time_s

NAMES = {
    "aggregates": ("eni_name",),
    "conversations": ("eni_name", "source_name", "destination_name"),
    "alerts": ("eni_name",),
}
"""The fields that are added to the rows of a topic; empty texts if the inventory has no name."""


def add_names(directory: Directory, topic: str, row: Row) -> None:
    """Add the names of the interface, and of both ends of a conversation."""
    if topic not in WITH_ENI:
        return
    eni, at_s = eni_of(topic, row), int(time_s(topic, row))
    owner = directory.interface(eni, at_s) if eni else None
    row["eni_name"] = label(owner)
    if topic == "conversations":
        vpc = owner.vpc if owner is not None else ""
        for end in ("source", "destination"):
            row[f"{end}_name"] = label(address_owner(directory, row, end, at_s, vpc))


def address_owner(directory: Directory, row: Row, end: str, at_s: int, vpc: str) -> Owner | None:
    """Return the owner of an end of a conversation: of the packet's address if it differs."""
    address: Any = row[f"pkt_{end}"] or row[end]
    return directory.address(address, at_s, vpc) if address else None


def label(owner: Owner | None) -> str:
    """Return the name of an owner, its id if it has none, else an empty text."""
    return owner.label if owner is not None else ""
