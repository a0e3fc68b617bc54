"""An account's settings in one region: the minimum throughput billing commitment, alias On-demand Advantage.

A commitment lasts a day at least: to disable it earlier is to have it end by then (model,
`MinimumThroughputBillingCommitmentInput`). Its state is a function of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MINIMUM_MS = 24 * 3_600_000
CommitmentStatus = Literal["ENABLED", "DISABLED", "ENABLED_UNTIL_EARLIEST_ALLOWED_END"]


@dataclass(frozen=True, slots=True)
class Commitment:
    """When a commitment was started and asked to end; None where that never was."""

    started_ms: int | None = None
    disabled_ms: int | None = None

    @property
    def earliest_end_ms(self) -> int | None:
        """When the commitment may end."""
        return None if self.started_ms is None else self.started_ms + MINIMUM_MS

    @property
    def ended_ms(self) -> int | None:
        """When the commitment ends or ended."""
        if self.disabled_ms is None or self.earliest_end_ms is None:
            return None
        return max(self.disabled_ms, self.earliest_end_ms)

    def status(self, now_ms: int) -> CommitmentStatus:
        """Return the state the commitment is in."""
        if self.started_ms is None:
            return "DISABLED"
        if self.ended_ms is None:
            return "ENABLED"
        return "ENABLED_UNTIL_EARLIEST_ALLOWED_END" if now_ms < self.ended_ms else "DISABLED"

    def is_on(self, now_ms: int) -> bool:
        """Say whether the account has what a commitment brings: warm throughput, fifty consumers."""
        return self.status(now_ms) != "DISABLED"

    def enabled(self, now_ms: int) -> Commitment:
        """Return the commitment after it was asked for; one about to end goes on."""
        return Commitment(self.started_ms if self.is_on(now_ms) else now_ms)

    def disabled(self, now_ms: int) -> Commitment:
        """Return the commitment after it was asked to end; once is enough."""
        if self.started_ms is None or self.disabled_ms is not None:
            return self
        return Commitment(self.started_ms, now_ms)
