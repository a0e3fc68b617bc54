"""The progress of a replay, for its progress line and its report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class ReplayProgress:
    """The number of lines that Kinesis acknowledged (`put`), and times on the monotonic clock.

    `out_at` is the time at which all lines were published, or 0.
    """

    total: int
    put: int = 0
    began: float = field(default_factory=time.monotonic)
    first_number_s: float = 0.0
    out_at: float = 0.0
