"""The label of a planted incident: the alert that must fire, for which interface, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

PORT_SCAN = "port_scan"


REJECT_RATIO = "reject_ratio"


@dataclass(frozen=True, slots=True)
class Label:
    """What was planted: the rule that must fire, the interface, and the first and last second (exclusive).

    `kind` is what happened. No rule: it was planted, and no detector looks for it yet. It may show on
    `others` as well.
    """

    rule: str
    eni: str
    window_start: int
    window_end: int
    kind: str = ""
    others: tuple[str, ...] = ()
