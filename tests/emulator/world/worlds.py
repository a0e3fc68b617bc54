"""Worlds for tests: a minute as a table and as text, flows by hand, and an estate as EC2 calls change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import polars as pl

from connectors.formats.flowlog import DEFAULT_FORMAT, Format
from connectors.vpc.estate import Estate
from emulator.flowlogs.player.rows import Rows, Surroundings, lines
from emulator.world.incidents.incident import Incident
from emulator.world.incidents.schedule import Scene, Staged
from emulator.world.incidents.targets import cast
from emulator.world.simulation import Minute, World
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.edges import Edge, edges
from emulator.world.traffic.flows import Flows
from tests.connectors.vpc.estates import eni, estate

FIRST = 28_332_600
"""The minute that begins on Tuesday, 14 November 2023, at 10:00 UTC; tests begin here."""
AT = FIRST + 2
"""When incidents begin."""
RDS = {"requester_id": "amazon-rds", "is_requester_managed": True}
HERE = Surroundings("111111111111", "eu-west-1")
FULL: Format = (
    *DEFAULT_FORMAT,
    *("pkt-srcaddr", "pkt-dstaddr", "tcp-flags", "flow-direction", "traffic-path"),
)


def table(world: World, made: Minute, fields: Format = FULL) -> pl.DataFrame:
    """Return a minute's records by column."""
    return Rows(world.directory, HERE, fields).frame(made.records)


def text(world: World, made: Minute, fields: Format = DEFAULT_FORMAT) -> list[str]:
    """Return a minute's records as lines."""
    return lines(table(world, made, fields)).to_list()


def played(world: World, minutes: int, first: int = FIRST) -> pl.DataFrame:
    """Return the records of some minutes, with the `minute` of each."""
    made = [world.minute(first + nth) for nth in range(minutes)]
    return pl.concat([table(world, one).with_columns(minute=pl.lit(one.minute)) for one in made])


@dataclass(frozen=True)
class Script(Staged):
    """Flows written by hand, by the minute they begin in."""

    rows: Mapping[int, Sequence[dict[str, Any]]] = field(default_factory=dict)

    def scene(self, minute: int, directory: Directory) -> Scene:
        usual = Staged(self.incidents, self.seed).scene(minute, directory)
        rows = self.rows.get(minute, ())
        return replace(usual, flows=(Flows.of(directory, rows), *usual.flows)) if rows else usual


def flow(origin: str, src: str, dst: str, port: int, **more: Any) -> dict[str, Any]:
    """Return a TCP flow that begins in `FIRST`: ten packets there, eight back, in one second."""
    second = FIRST * 60 + more.pop("after", 5)
    usual = {"origin": origin, "src": src, "dst": dst, "protocol": 6, "srcport": 40_000, "dstport": port}
    usual |= {"packets": 10, "bytes": 1000, "packets_back": 8, "bytes_back": 5000}
    return usual | {"start": second, "end": second + more.pop("lasts", 0)} | more


def scripted(estate: Estate, *rows: dict[str, Any], incidents: Sequence[Incident] = ()) -> World:
    """Return a world in which some flows by hand happen, some incidents, and noise from outside."""
    by_minute: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_minute.setdefault(row["start"] // 60, []).append(row)
    return World(estate, 1, 0, Script(incidents, rows=by_minute))


@cache
def crowded() -> Estate:
    """Return the test estate with somebody for every kind."""
    more = [eni(f"web{n}", "subnet-public", f"10.0.0.{30 + n}", "sg-web",
                public_ips=((f"10.0.0.{30 + n}", f"198.51.100.{30 + n}"),)) for n in range(4)]  # fmt: skip
    more += [eni(f"job{n}", "subnet-private", f"10.0.1.{100 + n}", instance_id=f"i-job{n}") for n in range(9)]
    more += [eni(f"rds{n}", "subnet-data", f"10.0.2.{20 + n}", "sg-db", **RDS) for n in range(2)]
    return estate(enis={one.interface_id: one for one in more})


@cache
def talk() -> list[Edge]:
    return edges(crowded())


@cache
def incidents() -> dict[str, Incident]:
    found = cast(crowded(), talk(), 1, AT)
    return {one.kind: one for one in found}
