"""The times of --from and --until."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.topics.moments import clock, moment_ms

NOW_MS = 1_767_230_000_123  # 2026-01-01T01:13:20.123Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW_MS),
        ("today", 1_767_225_600_000),
        ("Yesterday", 1_767_139_200_000),
        ("10m", NOW_MS - 600_000),
        ("10min ago", NOW_MS - 600_000),
        ("1.5h", NOW_MS - 5_400_000),
        ("2d", NOW_MS - 172_800_000),
        ("999999w", 0),
        ("2026-01-01", 1_767_225_600_000),
        ("2026-01-01T01:00", 1_767_229_200_000),
        ("2026-01-01T01:00+01:00", 1_767_225_600_000),
    ],
)
def test_a_time_is_read(text: str, expected: int) -> None:
    assert moment_ms(text, NOW_MS) == expected


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_sentence(text: str) -> None:
    try:
        assert moment_ms(text, NOW_MS) >= 0
    except ValueError as error:
        if "write 2026-11-30T14:05" not in str(error):
            raise


@given(st.floats(allow_nan=False))
def test_any_number_has_a_clock_or_none(number: float) -> None:
    assert isinstance(clock(number), str)
