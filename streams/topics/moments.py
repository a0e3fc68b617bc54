"""The times of the options --from and --until. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connectors.setting_values import time_ms

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(s|m|min|h|d|w)(?:\s+ago)?")
_UNIT_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
FORMS = "2026-11-30T14:05 (UTC without a zone), 10m, 2h or 1d for that long ago, today, yesterday, or now"


def moment_ms(text: str, now_ms: int) -> int:
    """Return a time as epoch milliseconds: ISO 8601, a duration before `now_ms`, or a word.

    `today` and `yesterday` begin at 00:00 UTC. Raises `ValueError` with a sentence.
    """
    word = text.strip().lower()
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if word in words:
        return round(words[word].timestamp() * 1000)
    if found := _AGO.fullmatch(word):
        return max(now_ms - round(float(found[1]) * _UNIT_S[found[2]] * 1000), 0)
    try:
        at_ms = time_ms(text.strip())
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time: write {FORMS}") from error
    if at_ms < 0:
        raise ValueError(f"{text!r} is before 1970: write {FORMS}")
    return at_ms


def clock(epoch_s: float) -> str:
    """Return a time as text in UTC: `2026-11-30 14:05:09`; empty for 0 and for times beyond the calendar."""
    try:
        return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M:%S}" if epoch_s else ""
    except (ValueError, OverflowError, OSError):
        return ""
