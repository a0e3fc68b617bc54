"""Loads the kernels, and compiles them the first time on a machine: 6 s, and 60 MB that a process keeps.

`python -m streams.worker.warm` does that where it is no worker's time and memory; `make` calls it after it
installs.
"""

from __future__ import annotations

from streams.sums import partials
from streams.sums.accumulator import Sums
from streams.windows.merge import Producer, Rules, Windows
from streams.windows.watermark import Time


def warm(window_s: int) -> None:
    """Go once through every kernel, so that the first block need not wait for it."""
    sums, windows = Sums(window_s), Windows(Rules(window_s))
    sums.warm()
    windows.note(Producer(), Time())
    windows.add(partials.frame([(0, "-", 0, 0, 0, 0, 0, 0, 0, b"")]), 0)
    windows.flush()


if __name__ == "__main__":
    warm(60)
