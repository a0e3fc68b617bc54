"""The traffic of each kind of incident, minute by minute: rows for `Flows.of`. Pure, and drawn from a seed.

Sizes and rates follow public write-ups of such incidents. Each incident clearly exceeds the thresholds that
flow-log detectors commonly use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from connectors.vpc.addresses import number_of
from connectors.vpc.network import TCP, Eni
from emulator.world.incidents.incident import MINUTE_S, Incident
from emulator.world.traffic.chance import mixed_number, of_text
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.flows import Kind

Row = dict[str, Any]
Plot = Callable[[Incident, int, int, Directory], list[Row]]

SCANNER, INTRUDER, DROP, CONTROL = "198.51.100.77", "203.0.113.66", "185.220.101.40", "45.77.33.10"
"""Documentation addresses and made-up ones: who scans, who guesses passwords, who gets data, who commands."""
SCAN_PORTS, SLOW_PORTS, GUESSES, STORM, FLOOD = 300, 3, 60, 200, 3000
BULK_BYTES = 400 << 20
_SYN_BYTES, _EPHEMERAL, _EPHEMERAL_PORTS = 44, 32_768, 28_000


def _eni(directory: Directory, interface_id: str) -> Eni:
    return directory.enis[directory.eni(interface_id)]


def _outside(eni: Eni) -> str:
    """Return the public address of an interface."""
    return eni.public_ips[0][1] if eni.public_ips else eni.private_ips[0]


def _at(incident: Incident, minute: int, seed: int, nth: int) -> tuple[int, int]:
    """Return the second and the client port of the nth flow of a minute."""
    draw = mixed_number(seed, of_text(incident.kind + incident.eni), minute, nth)
    return minute * MINUTE_S + draw % MINUTE_S, _EPHEMERAL + (draw >> 16) % _EPHEMERAL_PORTS


def _probe(src: str, dst: str, port: int, at: tuple[int, int], origin: str = "") -> Row:
    ends = {"origin": origin, "src": src, "dst": dst, "protocol": TCP, "srcport": at[1], "dstport": port}
    times = {"start": at[0], "end": at[0], "kind": int(Kind.REFUSED), "tries": 1}
    return ends | times | {"packets": 1, "bytes": _SYN_BYTES, "packets_back": 1, "bytes_back": 40}


def _talk(row: Row, sent: tuple[int, int], got: tuple[int, int], lasts: int = 0) -> Row:
    """Return a probe with an answer. `sent` and `got` are packets and bytes."""
    volumes = {"packets": sent[0], "bytes": sent[1], "packets_back": got[0], "bytes_back": got[1]}
    return row | volumes | {"kind": int(Kind.ANSWERED), "end": row["start"] + lasts, "tries": 5}


def port_scan(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a port scan: one source probes three hundred ports of one interface in a minute, each once."""
    target = _outside(_eni(directory, incident.eni))
    first = mixed_number(seed, minute) % 8000
    return [
        _probe(SCANNER, target, 1 + (first + nth * 7) % 10_000, _at(incident, minute, seed, nth))
        for nth in range(SCAN_PORTS)
    ]


def slow_scan(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a slow port scan: a few ports a minute, so that no single window shows it."""
    target = _outside(_eni(directory, incident.eni))
    nth = (minute - incident.minute) * SLOW_PORTS
    return [
        _probe(SCANNER, target, 1000 + nth + one, _at(incident, minute, seed, one))
        for one in range(SLOW_PORTS)
    ]


def host_sweep(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a host sweep: an instance probes one port of every address of its subnet."""
    eni = _eni(directory, incident.eni)
    own = eni.private_ips[0]
    network = own.rpartition(".")[0]
    rows = []
    for host in range(4, 255):
        dst = f"{network}.{host}"
        if dst != own:
            at = _at(incident, minute, seed, host)
            rows.append(_probe(own, dst, incident.port, at, eni.interface_id) | _nobody(directory, eni, dst))
    return rows


def _nobody(directory: Directory, eni: Eni, address: str) -> Row:
    there = directory.estate.eni_at(eni.vpc_id, number_of(address))
    return {} if there else {"kind": int(Kind.UNANSWERED), "tries": 2}


def brute_force(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a brute-force attack: short connections to one port in sequence, each with one password."""
    target = _outside(_eni(directory, incident.eni))
    return [
        _talk(
            _probe(INTRUDER, target, incident.port, _at(incident, minute, seed, nth)),
            (14, 2200),
            (13, 2700),
            2,
        )
        for nth in range(GUESSES)
    ]


def exfiltration(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return an exfiltration: an instance sends much data to one host that no other instance contacts."""
    eni = _eni(directory, incident.eni)
    at = minute * MINUTE_S, _at(incident, incident.minute, seed, 0)[1] + minute - incident.minute
    row = _probe(eni.private_ips[0], DROP, 443, at, eni.interface_id)
    packets = BULK_BYTES // 1400
    return [_talk(row, (packets, BULK_BYTES), (packets // 2, packets * 26), MINUTE_S - 1)]


def beaconing(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return beacons: the same small exchange with one host, every minute at the same second."""
    eni = _eni(directory, incident.eni)
    at = minute * MINUTE_S + 17, _at(incident, minute, seed, 0)[1]
    row = _probe(eni.private_ips[0], CONTROL, 443, at, eni.interface_id)
    return [_talk(row, (6, 842), (5, 1310), 1)]


def flood(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a SYN flood: SYNs to one port from thousands of addresses that answer no packet."""
    target = _outside(_eni(directory, incident.eni))
    rows = []
    for nth in range(FLOOD):
        draw = mixed_number(nth)  # the same each minute: they are many, and still not endless
        src = f"{81 + draw % 6}.{draw >> 8 & 255}.{draw >> 16 & 255}.{1 + (draw >> 24) % 254}"
        row = _probe(src, target, incident.port, _at(incident, minute, seed, nth))
        rows.append(_talk(row, (1, _SYN_BYTES), (1, 44)))
    return rows


def storm(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return a retry storm: the clients of an unreachable server retry far more often than before."""
    server = _eni(directory, incident.eni)
    clients = [_eni(directory, one) for one in incident.peers]
    return [
        _talk(
            _probe(c.private_ips[0], server.private_ips[0], incident.port, at, c.interface_id),
            (4, 400),
            (3, 300),
        )
        for nth, c, at in _turns(clients, incident, minute, seed)
    ]


def _turns(
    clients: list[Eni], incident: Incident, minute: int, seed: int
) -> Iterator[tuple[int, Eni, tuple[int, int]]]:
    for nth in range(STORM if clients else 0):
        yield nth, clients[nth % len(clients)], _at(incident, minute, seed, nth)


def chatty_pair(incident: Incident, minute: int, seed: int, directory: Directory) -> list[Row]:
    """Return expensive traffic: two interfaces of different zones exchange far more than others."""
    eni, peer = _eni(directory, incident.eni), _eni(directory, incident.peers[0])
    row = _probe(
        peer.private_ips[0],
        eni.private_ips[0],
        incident.port,
        _at(incident, minute, seed, 0),
        peer.interface_id,
    )
    packets = BULK_BYTES // 1400
    return [_talk(row, (packets // 2, packets * 26), (packets, BULK_BYTES), 45)]


PLOTS: dict[str, Plot] = {
    "port_scan": port_scan,
    "slow_scan": slow_scan,
    "host_sweep": host_sweep,
    "brute_force": brute_force,
    "exfiltration": exfiltration,
    "beaconing": beaconing,
    "flood": flood,
    "removed_rule": storm,
    "broken_return": storm,
    "dead_database": storm,
    "chatty_pair": chatty_pair,
}
"""Kinds without traffic of their own are not here: `silence`, `delivery_gap`, `black_holed_route`."""
