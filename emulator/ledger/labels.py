"""The label of a planted incident: the alert that must fire, for which interface, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

PORT_SCAN = "port_scan"
REJECT_RATIO = "reject_ratio"


@dataclass(frozen=True, slots=True)
class Label:
    """A planted incident: the rule that must fire, the interface, and the time, whose end is exclusive.

    `kind` is the kind of incident. If `rule` is empty, no detector looks for it yet. Alerts on `others` may
    have the same cause.
    """

    rule: str
    eni: str
    window_start: int
    window_end: int
    kind: str = ""
    others: tuple[str, ...] = ()
