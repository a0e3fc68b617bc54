"""All pairs by classes: the verdicts are those of pair by pair, and 2,000 interfaces take seconds."""

from __future__ import annotations

import random
import time
from itertools import permutations

import pytest

from connectors.vpc.diagnosis.pairs import all_pairs
from connectors.vpc.diagnosis.trace.attempt import Attempt
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni
from emulator.world.topology.described import resources
from emulator.world.topology.presets import preset
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.topologies import TOPOLOGIES
from tests.connectors.vpc.diagnosis.topologies.case import Topology

PORTS = (443, 5432, 8080)
SOME = 400
LIMIT_S = 60.0


def one_by_one(estate: Estate, source: Eni, target: Eni, port: int) -> bool | None:
    """Return the verdict for one pair."""
    attempt = Attempt(source, target, source.private_ips[0], target.private_ips[0], 6, port)
    try:
        return not examine(estate, attempt, {}).causes
    except Undetermined:
        return None


@pytest.mark.moto
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda one: one.name.replace(" ", "-"))
def test_pairs_of_a_topology_are_as_one_by_one(built: Built, topology: Topology) -> None:
    estate = built(topology)[1].estate
    enis = [one for one in estate.resources.enis if one.private_ips]
    for port in PORTS:
        found = all_pairs(estate, port)
        wrong = [
            (source.interface_id, target.interface_id, port)
            for source, target in permutations(enis, 2)
            if found.verdict(source.interface_id, target.interface_id)
            is not one_by_one(estate, source, target, port)
        ]
        assert not wrong


@pytest.mark.load
def test_all_pairs_of_two_thousand_interfaces() -> None:
    estate = Estate(resources(preset("estate")))
    begin = time.process_time()
    found = all_pairs(estate, 5432)
    took_s = time.process_time() - begin
    enis = list(estate.resources.enis)
    assert len(enis) == 2000
    assert sum(found.count(one) for one in (True, False, None)) == len(enis) * (len(enis) - 1)
    assert found.count(True) > 0
    chance = random.Random(7)
    for _ in range(SOME):
        source, target = chance.sample(enis, 2)
        told = found.verdict(source.interface_id, target.interface_id)
        assert told is one_by_one(estate, source, target, 5432), (source, target)
    assert took_s < LIMIT_S
