"""DescribeAccountSettings. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import OwnApi


def test_there_is_no_commitment_at_first(own: Callable[..., OwnApi]) -> None:
    answer = own().call("DescribeAccountSettings")
    assert answer == {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
