"""An incident on an estate, as data: its kind, target and time, and its changes of the network.

`traffic` generates its flows. Its changes (`begin`, `end`) are EC2 calls, which the simulator makes at the
named minute, so that every client of the API sees them. `targets` chooses the target. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.ledger.labels import Label

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One EC2 call, in boto3's words."""

    operation: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """What happens at an interface, from one minute (since the epoch) on for some minutes.

    `peers` are the other interfaces in it, `port` the port it is about; `others` are those on which it may
    show too. `rule` is the alert that must fire, empty where no detector looks for it.
    """

    kind: str
    eni: str
    minute: int
    minutes: int
    peers: tuple[str, ...] = ()
    port: int = 0
    rule: str = ""
    begin: tuple[Change, ...] = ()
    end: tuple[Change, ...] = ()
    others: tuple[str, ...] = ()

    def is_on(self, minute: int) -> bool:
        """Whether it is going on in a minute."""
        return self.minute <= minute < self.minute + self.minutes

    @property
    def label(self) -> Label:
        """Who, when and what, for the ledger."""
        first = self.minute * MINUTE_S
        return Label(self.rule, self.eni, first, first + self.minutes * MINUTE_S, self.kind, self.others)
