"""OAUTHBEARER tokens for all clients of a process: taken from a source, kept, and renewed before they expire.

Sources block, and Faust's consumer has an event loop of its own, so a source runs in a thread under a lock,
and clients that connect at once share one token. A Kafka connection keeps the token that it was opened with;
if the broker closes it when the token expires, aiokafka connects again with a new one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

RENEW_AT = 0.8
"""The part of a token's lifetime after which it is renewed, as in Kafka's Java client."""


class TokenUnavailable(KafkaError):  # type: ignore[misc]
    """No token could be obtained; the message says from where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. `lifetime_s` is the time for which it can be used; 0: ask the source each time."""

    value: str = field(repr=False)
    lifetime_s: float = 0.0


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """The token of one source. `token` raises `TokenUnavailable`."""

    def __init__(self, source: Callable[[], Token], clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._lock = threading.Lock()
        self._kept: Token | None = None
        self._renew_at = 0.0

    async def token(self) -> str:
        """Return a token that has not expired."""
        return await asyncio.to_thread(self._current)

    def _current(self) -> str:
        with self._lock:
            now = self._clock()
            if self._kept is None or now >= self._renew_at:
                self._kept = self._source()
                self._renew_at = now + self._kept.lifetime_s * RENEW_AT
            return self._kept.value
