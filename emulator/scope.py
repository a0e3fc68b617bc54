"""The account and the Region of a request. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """An account and a Region. Two scopes share no resources."""

    account: str
    region: str

    def stream_arn(self, name: str) -> str:
        """Return the ARN of a Kinesis stream in this scope."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"
