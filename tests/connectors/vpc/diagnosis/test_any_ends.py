"""Any two ends of a topology have a verdict, or one sentence says why not."""

from __future__ import annotations

import random

import pytest

from connectors.vpc.diagnosis.account.connection_end import UnknownEnd
from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.report import document, text
from connectors.vpc.diagnosis.trace.findings import Undetermined
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.topologies import TOPOLOGIES
from tests.connectors.vpc.diagnosis.topologies.case import Topology

pytestmark = pytest.mark.moto
SOME = 250
ODD = (
    "internet",
    "203.0.113.9",
    "2001:db8::9",
    "192.168.77.7",
    "100.64.1.1",
    "fd00::1",
    "10.0.0.1",
    "::1",
    "",
)
NAMES = ("no-such-name", "eni-0", "i-", "subnet-", "a=b", "0.0.0.0", "255.255.255.255", "10.0.0.0/8", "ü")


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda one: one.name.replace(" ", "-"))
def test_any_two_ends(built: Built, topology: Topology) -> None:
    lab, inventory = built(topology)
    balancers = [one.name for one in inventory.load_balancers] + [one.name for one in inventory.databases]
    ends = [*lab.ids.values(), *balancers, *ODD, *NAMES]
    chance = random.Random(topology.name)
    verdicts = 0
    for _ in range(SOME):
        source, destination = chance.choice(ends), chance.choice(ends)
        protocol, port = chance.choice(["tcp", "udp", "icmp"]), chance.choice([None, 22, 443, 8080])
        message = ""
        try:
            found = diagnose(inventory, source, destination, protocol, port)
        except (UnknownEnd, Undetermined) as error:
            message = str(error) or "an empty message"
        if message:
            assert message.count("\n") == 0
            assert message != "an empty message"
            continue
        shown = document(found)
        assert text(shown)
        assert shown["reachable"] == (not shown["causes"])
        assert not shown["reachable"] or (shown["path"] and shown["return_path"])
        verdicts += 1
    assert verdicts
