"""Outages at default settings, some of the cases; `make test-outages` runs all of them."""

from __future__ import annotations

import pytest

from tests.acceptance.outages.outage import SKEWED, Case, run


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.parametrize(
    "case",
    [
        SKEWED,
        Case(6, shards=3, connectors=2, reshards=2, interfaces=20),
    ],
    ids=lambda case: case.name,
)
async def test_nothing_is_late_or_lost_after_an_outage(case: Case) -> None:
    """Every window equals the ledger, and those older than the lateness are final within a minute."""
    outcome = await run(case)
    assert outcome.is_exact, outcome.text
