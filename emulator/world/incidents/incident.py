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
class Ec2Call:
    """One EC2 call, in boto3's words."""

    operation: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident at an interface. It begins in a minute (since the epoch) and lasts for some minutes.

    `peers` are the other interfaces in the incident, `port` is its port; `others` are the interfaces on which
    it can also show. `rule` is the alert that must fire, or empty if no detector covers the incident.
    """

    kind: str
    eni: str
    minute: int
    minutes: int
    peers: tuple[str, ...] = ()
    port: int = 0
    rule: str = ""
    begin: tuple[Ec2Call, ...] = ()
    end: tuple[Ec2Call, ...] = ()
    others: tuple[str, ...] = ()

    def is_on(self, minute: int) -> bool:
        """Return whether the incident is active in a minute."""
        return self.minute <= minute < self.minute + self.minutes

    @property
    def label(self) -> Label:
        """Return the incident's label for the ledger."""
        first = self.minute * MINUTE_S
        return Label(self.rule, self.eni, first, first + self.minutes * MINUTE_S, self.kind, self.others)
