"""A logger for one HTTP listener: what is no HTTP costs a line now and then, and never a traceback.

aiohttp answers such a request with 400 itself, and logs it with a traceback: anyone could fill a disk.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError

SAID_S = 10.0
"""Seconds between two lines of a listener."""


def listener_logger(name: str, heard: Callable[[bool], None] = lambda _: None) -> logging.Logger:
    """Return the logger of one listener, to be passed to aiohttp; its filter is its own.

    `heard` is called for each error, logged or not, with whether the request was HTTP.
    """
    logger = logging.Logger(name)
    logger.parent = logging.getLogger()
    logger.addFilter(_Seldom(heard))
    return logger


class _Seldom(logging.Filter):
    """Passes one record in `SAID_S`; an error of the parser loses its traceback."""

    def __init__(self, heard: Callable[[bool], None]) -> None:
        super().__init__()
        self._heard = heard
        self._say_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info = None
            record.msg = f"{record.msg}: {type(error).__name__}"
        if record.levelno >= logging.ERROR:
            self._heard(bool(record.exc_info))
        if time.monotonic() < self._say_at:
            return False
        self._say_at = time.monotonic() + SAID_S
        return True
