"""A registered consumer of a stream, for enhanced fan-out: its name, its state over time, its tags.

State is a function of time, as a stream's is: CREATING, then ACTIVE; after `DeregisterStreamConsumer`
DELETING, then gone. What `SubscribeToShard` does with a consumer is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ConsumerStatus = Literal["CREATING", "ACTIVE", "DELETING"]


@dataclass(slots=True)
class Consumer:
    """A consumer. Its ARN holds the second of its registration, so that a name can be used again."""

    stream_arn: str
    name: str
    created_ms: int
    transition_ms: int
    deleted_ms: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    policy: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def arn(self) -> str:
        """The consumer's ARN."""
        return f"{self.stream_arn}/consumer/{self.name}:{self.created_ms // 1000}"

    def status(self, now_ms: int) -> ConsumerStatus:
        """Return the state the consumer is in."""
        if self.deleted_ms is not None:
            return "DELETING"
        return "CREATING" if now_ms < self.created_ms + self.transition_ms else "ACTIVE"

    def deregister(self, now_ms: int) -> None:
        """Start to be deleted."""
        self.deleted_ms = now_ms

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or give them other values."""
        self.tags.update(tags)

    def remove_tags(self, keys: Iterable[str]) -> None:
        """Remove the tags that are there."""
        for key in keys:
            self.tags.pop(key, None)

    def set_policy(self, policy: str) -> None:
        """Attach a resource policy; detach it when that is empty."""
        self.policy = policy

    def is_gone(self, now_ms: int) -> bool:
        """Say whether the consumer is no more."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms
