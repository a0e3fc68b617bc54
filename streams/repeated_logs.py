"""A filter of repeated log lines of libraries.

While a broker is away, aiokafka logs several lines a second for each connection. One line of a kind in
`AGAIN_S` is logged, with the number of those that were not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

AGAIN_S = 10.0
KINDS_MAX = 1000
"""Number of kinds that are remembered; beyond it, all are forgotten, and each is logged once more."""


class Repeated(logging.Filter):
    """A filter that passes one record of a logger and message template in `AGAIN_S`.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record; note in it how many were left out."""
        if len(self._kinds) >= KINDS_MAX:
            self._kinds.clear()
        kind, now = (record.name, str(record.msg)), self._clock()
        logged_at, left_out = self._kinds.get(kind, (float("-inf"), 0))
        if now - logged_at < AGAIN_S:
            self._kinds[kind] = logged_at, left_out + 1
            return False
        self._kinds[kind] = now, 0
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more like this were not logged)"
            record.args = None
        return True
