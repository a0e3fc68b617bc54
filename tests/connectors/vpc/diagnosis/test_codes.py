"""The table of codes, and their use."""

from __future__ import annotations

from connectors.vpc.diagnosis.trace.codes import CODES
from tests.connectors.vpc.diagnosis.topologies import TOPOLOGIES

NOT_AWS = {"NO_ROUTE", "ROUTE_TABLE_ROUTE_NOT_MATCHING", "IGW_REJECTS_SPOOFED_TRAFFIC"}


def test_there_are_eighty_nine() -> None:
    """Reachability Analyzer guide, "Explanation codes"."""
    assert len(CODES) == 89
    assert not CODES & NOT_AWS


def test_documented_cases_use_codes_of_the_table() -> None:
    used = {cause.split()[1] for one in TOPOLOGIES for case in one.cases for cause in case.causes}
    assert used <= CODES
    assert len(used) >= 20
