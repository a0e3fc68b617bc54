"""A registered consumer of a stream, for enhanced fan-out: its name, its state and its tags.

As for a stream, the state is a function of time: CREATING, then ACTIVE; after `DeregisterStreamConsumer`
DELETING, then deleted. `subscription` has its reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ConsumerStatus = Literal["CREATING", "ACTIVE", "DELETING"]


@dataclass(slots=True)
class Consumer:
    """A consumer. Its ARN contains the second of its registration, so that its name can be reused."""

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
        """Return the state of the consumer."""
        if self.deleted_ms is not None:
            return "DELETING"
        return "CREATING" if now_ms < self.created_ms + self.transition_ms else "ACTIVE"

    def deregister(self, now_ms: int) -> None:
        """Start the deletion."""
        self.deleted_ms = now_ms

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or replace their values."""
        self.tags.update(tags)

    def remove_tags(self, keys: Iterable[str]) -> None:
        """Remove tags. Unknown keys are ignored."""
        for key in keys:
            self.tags.pop(key, None)

    def set_policy(self, policy: str) -> None:
        """Attach a resource policy. An empty policy detaches it."""
        self.policy = policy

    def is_gone(self, now_ms: int) -> bool:
        """Return True if the consumer is deleted."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms
