"""The diagnosis and the verdict agree in the preset `estate`, with 2,000 interfaces; and it is fast."""

from __future__ import annotations

import time
from functools import cache
from itertools import permutations

from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.trace.attempt import Attempt
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import TYPICAL_PORT
from connectors.vpc.estate import Estate
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import conversation
from emulator.world.topology.described import resources
from emulator.world.topology.presets import preset

PORTS = (443, 5432, 8080)
EVERY = 149
DIAGNOSIS_S = 0.2


@cache
def estate() -> Estate:
    """Return the preset, as EC2 describes it."""
    return Estate(resources(preset("estate")))


def test_pairs_of_all_services_agree() -> None:
    """An endpoint opens no connections; the verdict does not know that."""
    some = [one for one in estate().resources.enis[::EVERY] if one.interface_type != "vpc_endpoint"]
    assert len({one.description.partition(" ")[0] for one in some}) >= 4
    different, reachable = [], 0
    for source, to in permutations(some, 2):
        for port in PORTS:
            ends = (source.private_ips[0], to.private_ips[0])
            told = conversation(estate(), Flow(source.interface_id, *ends, 6, TYPICAL_PORT, port))
            found = examine(estate(), Attempt(source, to, *ends, 6, port), {})
            reachable += not found.causes
            if told.succeeded != (not found.causes):
                different.append((told.sentence, found.causes))
    assert not different
    assert reachable


def test_a_diagnosis_takes_less_than_its_limit() -> None:
    inventory = Inventory(estate(), {one.instance_id: "running" for one in estate().resources.enis})
    enis = [one.interface_id for one in estate().resources.enis if one.instance_id]
    diagnose(inventory, enis[0], "internet", "tcp", 443)
    begin = time.process_time()
    diagnose(inventory, enis[0], enis[-1], "tcp", 443)
    diagnose(inventory, enis[1], "internet", "tcp", 443)
    assert (time.process_time() - begin) / 2 < DIAGNOSIS_S
