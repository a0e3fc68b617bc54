"""The emulator's log: structlog, loaded when the first line is written.

structlog loads rich, if that is installed, which takes longer than all the rest of a start: 0.3 s of 0.45.
A caller configures structlog through `set_up_by`; its function is called once, before the first line.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any


class Log:
    """A logger of events with fields. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._set_up: Callable[[], None] | None = None
        self._logger: Any = None

    def set_up_by(self, set_up: Callable[[], None]) -> None:
        """Register a function to call before the first line."""
        self._set_up = set_up

    def debug(self, event: str, **fields: object) -> None:
        """Log a detail for fault analysis."""
        self._loaded().debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Log a normal event."""
        self._loaded().info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that may need attention."""
        self._loaded().warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Log a failure."""
        self._loaded().error(event, **fields)

    def _loaded(self) -> Any:
        if self._logger is None:
            with self._lock:
                import structlog

                if self._set_up is not None:
                    self._set_up()
                    self._set_up = None
                self._logger = structlog.get_logger(self._name)
        return self._logger


log = Log("emulator")
