"""Two seeds of the fault test; `make test-faults` runs more."""

from __future__ import annotations

import pytest

from tests.acceptance.faults import run


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.parametrize(("seed", "has_outage"), [(101, False), (102, True)])
async def test_state_and_output_equal_the_ledger_whatever_dies(seed: int, has_outage: bool) -> None:
    """Kills, pauses, a broker's death, workers joining and leaving: every key is exact all the same.

    In the second seed, the connector is down for an hour of event time as well.
    """
    outcome = await run(seed, has_outage=has_outage)
    assert outcome.faults["broker killed"] == 1
    assert (outcome.faults["outage"] >= 1) == has_outage
    assert outcome.faults["worker killed"] + outcome.faults["worker paused"] >= 1
    assert outcome.state.windows > 1000
    assert outcome.is_exact, outcome
