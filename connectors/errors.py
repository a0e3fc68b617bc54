"""The error of a connector that an operator has to resolve."""

from __future__ import annotations


class ConnectError(RuntimeError):
    """The source cannot be read. The message has the reason and what to do."""
