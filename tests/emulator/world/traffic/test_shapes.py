"""Flows between interchangeable interfaces share a verdict, and each has the records of its own verdict."""

from __future__ import annotations

import polars as pl
import pytest

from connectors.vpc.estate import Estate
from connectors.vpc.network import EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import Conversation
from emulator.world.incidents.changes import changed
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.targets import KINDS, cast
from emulator.world.simulation import World
from emulator.world.topology.described import resources
from emulator.world.topology.presets import preset
from emulator.world.traffic import bulk_verdicts
from emulator.world.traffic.shapes import Ends, Shapes
from tests.emulator.world.worlds import FIRST, FULL, table

MINUTES = 45


def history(estate: Estate, seed: int) -> list[pl.DataFrame]:
    """Return the records of a world with every kind of incident."""
    world = World(estate, seed)
    staged = Staged(tuple(cast(estate, world.edges, seed, FIRST + 2, KINDS, 3)), seed)
    world.stage(staged)
    found = []
    for minute in range(FIRST, FIRST + MINUTES):
        world.use(changed(world.estate, staged.changes(minute)))
        found.append(table(world, world.minute(minute), (*FULL, "next-hop-interface-id")))
    return found


@pytest.mark.bulk
@pytest.mark.parametrize(("name", "seed"), [("small", 1), ("shop", 1), ("shop", 2)])
def test_records_are_those_of_verdicts_that_are_not_shared(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after rules, network ACLs and routes have changed, and been restored."""
    estate = Estate(resources(preset(name)))
    asked: list[Flow] = []
    judge = bulk_verdicts.conversation

    def counted(estate: Estate, flow: Flow, established: frozenset[EniId]) -> Conversation:
        asked.append(flow)
        return judge(estate, flow, established)

    monkeypatch.setattr(bulk_verdicts, "conversation", counted)
    shared, few = history(estate, seed), len(asked)
    monkeypatch.setattr(Shapes, "ends", lambda *_: Ends("", ""))
    monkeypatch.setattr(bulk_verdicts, "_of_changed_groups", lambda *_: None)
    alone = history(estate, seed)
    assert few < len(asked) - few
    for one, other in zip(shared, alone, strict=True):
        assert one.equals(other, null_equal=True)
