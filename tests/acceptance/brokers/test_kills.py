"""One seed of the broker test; `make test-brokers` runs more."""

from __future__ import annotations

import pytest

from tests.acceptance.brokers import kills


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.parametrize(("case", "least"), [(kills.CLUSTER, 2), (kills.ALONE, 1)], ids=["cluster", "alone"])
async def test_nothing_is_lost_and_no_process_restarts_while_brokers_die(
    case: kills.Case, least: int
) -> None:
    """Lines come out again within 30 s, every sum is exact, and every process keeps its process id.

    In the second case, Kafka aborts the transactions that are open while its only broker is away.
    """
    outcome = await kills.run(1, case)
    assert len(outcome.kills) >= least
    assert outcome.state.windows > 1000
    assert outcome.is_exact, outcome
