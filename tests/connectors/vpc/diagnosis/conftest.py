"""One emulator for all topologies; each has an account of its own in it, built and read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.vpc.diagnosis.account.inventory import Inventory
from emulator import server
from tests.beside import beside
from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import Topology

Built = Callable[[Topology], tuple[Lab, Inventory]]


@pytest.fixture(scope="session")
def lab_url() -> Iterator[str]:
    """The URL of an emulator, with a moto behind it."""
    with beside(server.emulator()) as url:
        yield url


@pytest.fixture(scope="session")
def built(lab_url: str) -> Built:
    """Build and read a topology, once for the run."""
    known: dict[str, tuple[Lab, Inventory]] = {}

    def of(topology: Topology) -> tuple[Lab, Inventory]:
        if topology.name not in known:
            lab = Lab(lab_url, f"{len(known) + 1:012d}")
            topology.build(lab)
            known[topology.name] = lab, lab.read()
        return known[topology.name]

    return of
