"""One seed of the broker test; `make test-brokers` runs more."""

from __future__ import annotations

import pytest

from tests.acceptance.brokers import kills


@pytest.mark.kafka
@pytest.mark.faults
async def test_nothing_is_lost_and_no_process_restarts_while_brokers_die() -> None:
    """Lines come out again within 30 s, every sum is exact, and every process keeps its process id."""
    outcome = await kills.run(1)
    assert len(outcome.kills) >= 2
    assert outcome.state.windows > 1000
    assert outcome.is_exact, outcome
