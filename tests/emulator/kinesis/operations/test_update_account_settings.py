"""UpdateAccountSettings. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import HOUR_MS, T0_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Structure", "MinimumThroughputBillingCommitment"),
        *wrong("String", "MinimumThroughputBillingCommitment.Status"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateAccountSettings", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'minimumThroughputBillingCommitment' Member must not be null"]),
        (
            {"MinimumThroughputBillingCommitment": {}},
            [("Value null at 'minimumThroughputBillingCommitment.status' Member must not be null")],
        ),
        (
            {"MinimumThroughputBillingCommitment": {"Status": "on"}},
            [
                (
                    "Value 'on' at 'minimumThroughputBillingCommitment.status' Member must satisfy enum "
                    "value set: [ENABLED, DISABLED]"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateAccountSettings", **request_) == sentences


DAY_S = 24 * 3600


def test_a_commitment_lasts_a_day(own: Callable[..., OwnApi]) -> None:
    api = own()
    field, second = "MinimumThroughputBillingCommitment", T0_MS // 1000
    started = {"StartedAt": second, "EarliestAllowedEndAt": second + DAY_S}

    def update(status: str) -> Any:
        return api.call("UpdateAccountSettings", **{field: {"Status": status}})[field]

    assert update("DISABLED") == {"Status": "DISABLED"}
    assert update("ENABLED") == {"Status": "ENABLED", **started}
    api.now_ms += HOUR_MS
    assert update("ENABLED") == {"Status": "ENABLED", **started}
    assert update("DISABLED") == {"Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END", **started}
    assert update("ENABLED") == {"Status": "ENABLED", **started}
    update("DISABLED")
    api.now_ms += 23 * HOUR_MS
    ended = {"Status": "DISABLED", **started, "EndedAt": second + DAY_S}
    assert api.call("DescribeAccountSettings")[field] == ended
    assert update("ENABLED")["StartedAt"] == second + DAY_S
