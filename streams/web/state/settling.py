"""Settled windows: windows with at least 99 % of their flows, whose rates may be shown. Pure.

A window is settled if all of its rows are final. Final windows are at least ten minutes old by default, which
is too old for a live page. A window therefore also settles provisionally when the watermark of the connectors
has passed its end by an *allowance*. The watermark guarantees that every source is read up to it, not that
AWS has delivered every line. AWS delivers a line when its capture interval ends (60 s, or 600 s by default),
with the additional delay of CloudWatch Logs or S3 (an object every five minutes). Two lines with the same
`start` can therefore arrive minutes apart, depending on the user's flow logs.

The allowance is measured. Each window counts the flows added to it by the distance of the watermark from its
end (`grown`). The allowance is the smallest number of steps after which at most 1 % of the flows were added,
over the newest `LOOKED_AT_WINDOWS`. With fewer than `EVIDENCE_WINDOWS` such windows, it is at least
`FIRST_S`: one capture interval of 60 s and two minutes of delivery.
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
    """Return the allowance: seconds after the end of a window until 99 % of its flows are added."""
    grown = [window.grown for window in windows if any(window.grown)][-LOOKED_AT_WINDOWS:]
    by_step = [sum(column) for column in zip(*grown, strict=True)] or [0] * GROWN_STEPS
    tail, step = 0, GROWN_STEPS - 1
    while step > 0 and tail + by_step[step] <= TAIL * sum(by_step):
        tail += by_step[step]
        step -= 1
    return max(step * GROWN_STEP_S, LEAST_S if len(grown) >= EVIDENCE_WINDOWS else FIRST_S)


def settled_to(windows: Sequence[Window], complete_to: int) -> int:
    """Return the event time up to which windows have settled provisionally; `NONE` if there is none.

    The newest window is also a limit, because a worker can lag behind its connectors.
    """
    if not windows or complete_to == NONE:
        return NONE
    return max(min(complete_to, windows[-1].end - 1) - allowance_s(windows), NONE)


def newest_settled(windows: Sequence[Window], complete_to: int) -> int | None:
    """Return the index of the newest settled window; None if no window has settled."""
    until = settled_to(windows, complete_to)
    settled = (i for i in reversed(range(len(windows))) if windows[i].is_final or windows[i].end <= until)
    return next(settled, None)
