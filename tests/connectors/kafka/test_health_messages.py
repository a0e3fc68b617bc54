"""What arrivals say of their source: how late lines come, and when nothing came."""

from __future__ import annotations

import pytest

from connectors.kafka.health_messages import (
    DELAY,
    DELAY_EVERY_S,
    GAP,
    GAP_S,
    Arrivals,
    HealthRecord,
    decode_health,
    delay_s,
)
from tests.build import line

SECOND = 1_000
MINUTE = 60 * SECOND
START = 1_700_000_000 * SECOND


def test_a_silence_is_told_when_it_is_over() -> None:
    arrivals = Arrivals("kinesis:a/b")
    assert arrivals.came(START, None, START) == []
    assert arrivals.came(START + GAP_S * SECOND, None, START) == []
    until = START + (2 * GAP_S + 1) * SECOND
    [gap] = arrivals.came(until, None, until)
    assert (gap.kind, gap.from_ms, gap.to_ms, gap.value) == (GAP, START + GAP_S * SECOND, until, GAP_S + 1)


def test_the_longest_delay_is_told_once_a_minute() -> None:
    arrivals = Arrivals("kinesis:a/b")
    told: list[HealthRecord] = []
    for second in range(3 * DELAY_EVERY_S):
        now = START + second * SECOND
        told += arrivals.came(now, float(second), now)
    assert [(one.kind, one.value) for one in told] == [(DELAY, 60.0), (DELAY, 120.0)]
    assert decode_health(told[0].message("p.", 0).value or b"") == told[0]


def test_records_out_of_order_are_no_gap() -> None:
    arrivals = Arrivals("kinesis:a/b")
    arrivals.came(START, None, START)
    assert arrivals.came(START - 10 * MINUTE, None, START) == []
    assert arrivals.came(START + MINUTE, None, START) == []


@pytest.mark.parametrize(
    ("text", "end_at", "found"),
    [
        (line(end=START // SECOND - 90), 11, 90.0),
        (b"x\n" + line(end=START // SECOND - 30), 11, 30.0),
        (line(end=START // SECOND + 5), 11, 0.0),  # another clock
        (line(end="-"), 11, None),
        (line(end="9" * 5000), 11, None),  # more digits than Python reads as a number
        (b"2026-11-28T12:00:00.000Z " + line(end=START // SECOND - 90), 11, 90.0),
        (b"2026-11-28T12:00:00.000000+00:00 eni-1-all " + line(end=START // SECOND - 90), 11, 90.0),
        (b"2 short", 11, None),
        (b"", 11, None),
        (line(), None, None),
    ],
)
def test_a_delay_is_arrival_minus_the_end_of_the_last_line(
    text: bytes, end_at: int | None, found: float | None
) -> None:
    assert delay_s(text, end_at, 14, START) == found


def test_an_unknown_arrival_has_no_delay() -> None:
    assert delay_s(line(), 11, 14, 0) is None
