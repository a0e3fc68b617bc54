"""The limits of a connection: sizes and times, and the `Date` header."""

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
class HttpLimits:
    """The limits of one listener, in seconds and bytes.

    `body_max_bytes` returns the maximum body size, and `inflates` returns True if the body is to be
    decompressed, both from a request's headers. A request's head must be complete `head_s` after its first
    byte. `silence_s` is the maximum pause within a body or a response, `idle_s` that between requests, and
    `linger_s` the time to read on after an error response. AWS closes idle connections after about a minute,
    and clients' connection pools expect no less.
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
    """Return the `Date` header of a response written now."""
    return _date(int(time.time()))
