"""Two seeds of the fault test; `make test-faults` runs more."""

from __future__ import annotations

import pytest

from tests.acceptance.faults import run


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.parametrize("seed", [101, 102])
async def test_state_and_output_equal_the_ledger_whatever_dies(seed: int) -> None:
    """Kills, pauses, a broker's death, workers joining and leaving: every key is exact all the same."""
    outcome = await run(seed, faulty_s=35.0)
    assert outcome.faults["broker killed"] == 1
    assert outcome.faults["worker killed"] + outcome.faults["worker paused"] >= 1
    assert outcome.state.windows > 1000
    assert outcome.is_exact, outcome
