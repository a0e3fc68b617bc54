"""Loads the kernels, and compiles them the first time on a machine: 6 s, and 60 MB that a process keeps.

`python -m streams.warm` does that where it is no worker's time and memory; `make` calls it after it installs.
"""

from __future__ import annotations

from streams import partials
from streams.sums import Sums
from streams.watermark import Time
from streams.windows import Producer, Rules, Windows


def warm(window_s: int) -> None:
    """Go once through every kernel, so that the first block need not wait for it."""
    sums, windows = Sums(window_s), Windows(Rules(window_s))
    sums.warm()
    windows.note(Producer(), Time())
    windows.add(partials.frame([(0, "-", 0, 0, 0, 0, 0, 0, 0, b"")]), 0)
    windows.flush()


if __name__ == "__main__":
    warm(60)
