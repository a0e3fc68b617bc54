"""The warm-up of the compiled kernels: loads them, or compiles them at the first start on a machine.

Compilation takes 14 s of CPU and 160 MB that the process does not release. `make` therefore runs
`python -m streams.worker.warm` after the installation.
"""

from __future__ import annotations

from streams.sums import conversations, partials
from streams.sums.accumulator import Sums
from streams.windows.merge import Rules, Windows
from streams.windows.partial import Partial
from streams.windows.position import Producer
from streams.windows.watermark import Time


def warm(window_s: int) -> None:
    """Run every kernel once, so that the first block does not wait for a compilation."""
    sums, windows = Sums(window_s), Windows(Rules(window_s))
    sums.warm()
    windows.advance(Producer(), Time())
    one = (0, "-", 0, 0, *[1] * 8, -1, 0, 6, 1, 1, 1, 0, 0, 0)
    windows.add(Partial.of(partials.frame([(0, "-", 0, 0, 0, 0, 0, 0, 0, b"")]), conversations.frame([one])))
    windows.flush()


if __name__ == "__main__":
    warm(60)
