"""The account and the Region that a request belongs to. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a request belongs: nothing is ever shared between two scopes."""

    account: str
    region: str

    def stream_arn(self, name: str) -> str:
        """Return the ARN of a stream of this name here."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"
