"""One seed of the chaos test (`chaos.py`); more by hand."""

from __future__ import annotations

import pytest

from tests.acceptance import chaos


@pytest.mark.faults
async def test_three_instances_lose_and_double_nothing_while_everything_goes_wrong() -> None:
    outcome = await chaos.run(1)
    assert outcome.is_exact, outcome
    assert outcome.faults["broker killed"] == 1
    assert outcome.faults["killed"] + outcome.faults["paused"] > 0
    assert outcome.faults["split"] + outcome.faults["merged"] > 0
