"""The actions that AWS refuses in one account and Region: each is reported once, and counted each time."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter

log = structlog.get_logger()


@dataclass(slots=True)
class Denials:
    """The actions that AWS refuses, each reported once until it is allowed again."""

    place: str
    counter: Counter
    actions: set[str] = field(default_factory=set)

    def add(self, action: str) -> None:
        """Count a refusal, and log the first one of an action."""
        self.counter.labels(action).inc()
        if action not in self.actions:
            self.actions.add(action)
            why = f"AWS refuses {action} in {self.place}: allow it in the IAM policy of vpcflow inventory"
            log.error("call denied", why=why)

    def remove(self, action: str) -> None:
        """Note that an action is allowed."""
        if action in self.actions:
            self.actions.discard(action)
            log.info("call allowed again", action=action, place=self.place)
