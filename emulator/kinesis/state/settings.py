"""An account's settings in one Region: the minimum throughput billing commitment (On-demand Advantage).

A commitment lasts at least a day. If it is disabled earlier, it ends after a day (model,
`MinimumThroughputBillingCommitmentInput`). Its state is a function of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MINIMUM_MS = 24 * 3_600_000
CommitmentStatus = Literal["ENABLED", "DISABLED", "ENABLED_UNTIL_EARLIEST_ALLOWED_END"]


@dataclass(frozen=True, slots=True)
class Commitment:
    """The times at which a commitment was enabled and disabled, or None."""

    started_ms: int | None = None
    disabled_ms: int | None = None

    @property
    def earliest_end_ms(self) -> int | None:
        """The earliest time at which the commitment may end."""
        return None if self.started_ms is None else self.started_ms + MINIMUM_MS

    @property
    def ended_ms(self) -> int | None:
        """The time at which the commitment ends or ended."""
        if self.disabled_ms is None or self.earliest_end_ms is None:
            return None
        return max(self.disabled_ms, self.earliest_end_ms)

    def status(self, now_ms: int) -> CommitmentStatus:
        """Return the state of the commitment."""
        if self.started_ms is None:
            return "DISABLED"
        if self.ended_ms is None:
            return "ENABLED"
        return "ENABLED_UNTIL_EARLIEST_ALLOWED_END" if now_ms < self.ended_ms else "DISABLED"

    def is_on(self, now_ms: int) -> bool:
        """Return True if the account has the benefits: warm throughput, and 50 consumers per stream."""
        return self.status(now_ms) != "DISABLED"

    def enabled(self, now_ms: int) -> Commitment:
        """Return the commitment after it was enabled. If it was about to end, it continues."""
        return Commitment(self.started_ms if self.is_on(now_ms) else now_ms)

    def disabled(self, now_ms: int) -> Commitment:
        """Return the commitment after it was disabled. A second call has no effect."""
        if self.started_ms is None or self.disabled_ms is not None:
            return self
        return Commitment(self.started_ms, now_ms)
