"""The key and the label of a row of conversations: names from the inventory, else IDs and addresses. Pure."""

from __future__ import annotations

from typing import Any

from connectors.inventory.directory import Directory, Owner

PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
NO_PORT = -1


def label_of(group: str, one: dict[str, Any], directory: Directory, at_s: int) -> dict[str, Any]:
    """Return the fields that identify a row; `key` is the value of a filter that selects it."""
    if group == "interface":
        return _keyed(one["eni"], _name(directory.interface(one["eni"], at_s)))
    if group == "resource":
        return _keyed(one["resource"], one["resource_name"])
    if group == "peer":
        return _keyed(one["peer"], _address(directory, one["peer"], at_s))
    if group == "port":
        return _keyed(f"{one['port']}/{one['protocol']}", port_text(one["port"], one["protocol"]))
    if group in {"subnet", "zone"}:
        return _keyed(one[group], one[group] or "unknown")
    found = _pair(one, directory, at_s)
    return found if group == "pair" else {**found, **_conversation(one, directory, at_s)}


def port_text(port: int, protocol: int) -> str:
    """Return a port with its protocol, such as `443/TCP`; the protocol alone if there is no port."""
    name = PROTOCOLS.get(protocol, str(protocol))
    return name if port == NO_PORT else f"{port}/{name}"


def _keyed(key: str, label: str) -> dict[str, Any]:
    return {"key": key, "label": label or key}


def _pair(one: dict[str, Any], directory: Directory, at_s: int) -> dict[str, Any]:
    source, destination = one["source_end"], one["destination_end"]
    label = f"{_address(directory, source, at_s)} → {_address(directory, destination, at_s)}"
    return _keyed(f"{source}|{destination}", label)


def _conversation(one: dict[str, Any], directory: Directory, at_s: int) -> dict[str, Any]:
    source, destination = one["source_end"], one["destination_end"]
    return {
        "eni": one["eni"],
        "eni_name": _name(directory.interface(one["eni"], at_s)),
        "action": one["action"],
        "direction": one["direction"],
        "source": source,
        "source_name": _name(directory.address(source, at_s)),
        "destination": destination,
        "destination_name": _name(directory.address(destination, at_s)),
        "port": one["port"],
        "protocol": one["protocol"],
        "service": port_text(one["port"], one["protocol"]),
    }


def _address(directory: Directory, address: str, at_s: int) -> str:
    return _name(directory.address(address, at_s)) or address or "-"


def _name(owner: Owner | None) -> str:
    return owner.label if owner is not None else ""
