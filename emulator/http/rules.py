"""What a connection is allowed: sizes and times. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

HEAD_MAX_BYTES = 64 << 10
BODY_MAX_BYTES = 16 << 20  # PutRecords takes 10 MiB, which is 14 MiB in base64


def _same_for_all(_: Mapping[str, str]) -> int:
    return BODY_MAX_BYTES


def _always(_: Mapping[str, str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one listener. Times are seconds; `body_max_bytes` says how much a request may carry, and
    `inflates` whether its content encoding is undone, both by its headers.

    A request's head must be there `head_s` after its first byte. `silence_s` is how long a client may send
    nothing within a body, or take nothing of an answer; `idle_s`, between requests. AWS closes a connection
    that is idle for about a minute, and clients' pools expect no less.
    """

    head_s: float = 20.0
    silence_s: float = 30.0
    idle_s: float = 90.0
    linger_s: float = 2.0
    body_max_bytes: Callable[[Mapping[str, str]], int] = _same_for_all
    inflates: Callable[[Mapping[str, str]], bool] = _always


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def date() -> str:
    """Return the `Date` of an answer given now."""
    return _date(int(time.time()))
