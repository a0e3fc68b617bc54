"""The diagnosis and the verdict agree in the preset `estate`, with 2,000 interfaces; and it is fast."""

from __future__ import annotations

import time
from functools import cache
from itertools import permutations

import pytest

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
SERVICE_PORTS = (22, 80, 443, 5432, 6379, 8080, 9000)
PAIRED = 60
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


FILTERS = {
    "ENI_SG_RULES_MISMATCH",
    "SG_HAS_NO_RULES",
    "SG_REFERENCES_NOT_PRESERVED",
    "SG_REFERENCING_SUPPORT",
}


@pytest.mark.load
def test_every_accept_and_reject_of_the_emulator_is_predicted() -> None:
    """All pairs of 60 interfaces and all service ports: the records that the emulator delivers.

    The emulator writes the records of `conversation`; a filter that is the first cause is its REJECT.
    """
    able = [one for one in estate().resources.enis if one.interface_type != "vpc_endpoint"]
    some = able[:: len(able) // PAIRED][:PAIRED]
    assert len(some) == PAIRED
    rejected = 0
    for source, to in permutations(some, 2):
        for port in SERVICE_PORTS:
            ends = (source.private_ips[0], to.private_ips[0])
            told = conversation(estate(), Flow(source.interface_id, *ends, 6, TYPICAL_PORT, port))
            found = examine(estate(), Attempt(source, to, *ends, 6, port), {})
            first = next(iter(found.causes), None)
            actions = [one for one in told.records if one.action == "REJECT"]
            rejected += len(actions)
            predicted = first is not None and (
                first.code in FILTERS or first.code == "SUBNET_ACL_RESTRICTION"
            )
            assert bool(actions) == predicted, (source.interface_id, to.interface_id, port, found.causes)
            if actions and first and first.component.startswith(("sg-", "acl-")):
                assert actions[0].decision
                assert first.component in actions[0].decision.resource_id
    assert rejected
