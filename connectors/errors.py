"""What a connector raises when a person has to do something."""

from __future__ import annotations


class ConnectError(RuntimeError):
    """The source cannot be read; the message says what to do."""
