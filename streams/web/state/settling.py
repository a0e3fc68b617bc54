"""When a window is settled: nothing of note is added to it any more, so its rates may be shown.

A window whose rows are all final is settled. Final windows are ten minutes old by default, which is too old
for a live page, so a window also settles provisionally: once its end is at or before the watermark of the
connectors' progress, minus an *allowance*. The watermark alone guarantees that every source is read up to
it, not that AWS has delivered every line. A line is delivered when its capture interval ends (60 s, or 600 s
by AWS's default), and after that with the ordinary delay of CloudWatch Logs or S3 (S3 objects come every five
minutes). Two lines with the same `start` therefore arrive minutes of event time apart, and how many depends
on the user's flow logs.

The allowance is therefore measured. Each window counts the flows that were added to it by how far the
watermark was past its end at that moment (`grown`). The allowance is the least number of steps after which at
most one flow in a hundred came, over the newest `EVIDENCE_WINDOWS`. Before that many windows have grown while
the page was looking, it is at least `FIRST_S`: one capture interval of 60 s and two minutes of delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.progress import NONE
from streams.web.state.history import GROWN_STEP_S, GROWN_STEPS, Window

FIRST_S = 180
LEAST_S = 60
EVIDENCE_WINDOWS = 10
LOOKED_AT_WINDOWS = 30
TAIL = 0.01


def allowance_s(windows: Sequence[Window]) -> int:
    """Return how long after the watermark has passed a window's end it is complete but for 1 %."""
    grown = [window.grown for window in windows if any(window.grown)][-LOOKED_AT_WINDOWS:]
    by_step = [sum(column) for column in zip(*grown, strict=True)] or [0] * GROWN_STEPS
    tail, step = 0, GROWN_STEPS - 1
    while step > 0 and tail + by_step[step] <= TAIL * sum(by_step):
        tail += by_step[step]
        step -= 1
    return max(step * GROWN_STEP_S, LEAST_S if len(grown) >= EVIDENCE_WINDOWS else FIRST_S)


def settled_to(windows: Sequence[Window], complete_to: int) -> int:
    """Return the event time up to which windows have settled provisionally; `NONE` if there is none.

    The newest window limits it too: a worker that lags behind its connectors has not summed what they read.
    """
    if not windows or complete_to == NONE:
        return NONE
    return max(min(complete_to, windows[-1].end - 1) - allowance_s(windows), NONE)


def newest_settled(windows: Sequence[Window], complete_to: int) -> int | None:
    """Return the index of the newest settled window; None if no window has settled."""
    until = settled_to(windows, complete_to)
    settled = (i for i in reversed(range(len(windows))) if windows[i].is_final or windows[i].end <= until)
    return next(settled, None)
