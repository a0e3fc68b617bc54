"""The progress of a replay, for its progress line and its report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """How far the replay is: lines acknowledged by Kinesis, and when the feeding began.

    `out_at` is when all lines were published.
    """

    total: int
    put: int = 0
    began: float = field(default_factory=time.monotonic)
    first_number_s: float = 0.0
    out_at: float = 0.0
