"""Documented cases: the verdict, every cause and the path, on topologies that the emulator describes."""

from __future__ import annotations

import pytest

from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.report import document, text
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.topologies import TOPOLOGIES
from tests.connectors.vpc.diagnosis.topologies.case import Case, Topology

pytestmark = pytest.mark.moto
CASES = [(topology, case) for topology in TOPOLOGIES for case in topology.cases]


@pytest.mark.parametrize(("topology", "case"), CASES, ids=lambda one: one.name.replace(" ", "-"))
def test_a_documented_case(built: Built, topology: Topology, case: Case) -> None:
    lab, inventory = built(topology)
    source, destination, *rest = case.ask.split()
    protocol, port = rest[0], int(rest[1]) if len(rest) > 1 else None
    found = document(diagnose(inventory, lab.id(source), lab.id(destination), protocol, port))
    names = {value: name for name, value in lab.ids.items()}
    causes = {
        " ".join(map(str, (one["direction"], one["code"], names.get(one["component"], one["component"]))))
        + (f" {one['rule']}" if one["rule"] is not None else "")
        for one in found["causes"]
    }
    shown = text(found)
    for value, name in names.items():
        shown = shown.replace(value, name)
    assert causes == set(case.causes), shown
    assert len(found["causes"]) == len(case.causes), shown
    steps = iter([names.get(step["component"], step["component"]) for step in found["path"]])
    assert all(name in steps for name in case.path), shown
    assert case.source


def test_names_are_unique() -> None:
    names = [f"{topology.name} {case.name}" for topology, case in CASES]
    assert len(names) == len(set(names))
