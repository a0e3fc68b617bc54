"""The pace of one shard: inside AWS's limits, fast when there is much, slow when there is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kinesis.polling import (
    BUSY_BYTES,
    BYTES_S,
    LEAST_S,
    LIMIT_FIRST,
    PATIENCE,
    QUIET_S,
    SHARED_MOST_S,
    Polling,
)

ANSWERS = st.tuples(
    st.integers(0, 10_000), st.integers(0, 10 << 20), st.sampled_from([0, 500, 60_000]), st.floats(0, 2)
)


@given(st.lists(ANSWERS, min_size=1, max_size=40))
def test_no_pace_asks_more_than_five_times_or_for_more_than_two_megabytes_a_second(
    answers: list[tuple[int, int, int, float]],
) -> None:
    polling = Polling()
    for records, size, behind_ms, took_s in answers:
        between_s = took_s + polling.pause(records, size, behind_ms, took_s)
        assert between_s >= min(LEAST_S, QUIET_S) - 1e-9
        assert between_s >= size / BYTES_S - 1e-9


def test_a_quiet_shard_is_asked_once_a_second() -> None:
    polling = Polling()
    pauses = [polling.pause(0, 0, 0, 0.0) for _ in range(10)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == QUIET_S


def test_a_busy_shard_is_asked_as_often_as_allowed() -> None:
    polling = Polling()
    for _ in range(10):
        polling.pause(0, 0, 0, 0.0)
    assert [polling.pause(5, 500, 0, 0.0) for _ in range(10)][-1] == LEAST_S


def test_a_busy_shard_that_gives_nothing_for_a_moment_is_asked_on() -> None:
    polling = Polling()
    polling.pause(5, BUSY_BYTES, 0, 0.0)
    assert {polling.pause(0, 0, 0, 0.0) for _ in range(PATIENCE - 1)} == {LEAST_S}
    assert [polling.pause(0, 0, 0, 0.0) for _ in range(10)][-1] == QUIET_S


def test_without_limits_a_shard_that_was_quiet_at_first_is_asked_often_once_it_is_busy() -> None:
    polling = Polling(least_s=0.0, bytes_s=0)
    for _ in range(10):
        polling.pause(0, 0, 0, 0.0)
    for _ in range(10):
        polling.pause(5, BUSY_BYTES, 0, 0.0)
        after_s = polling.pause(0, 0, 0, 0.0)
    assert after_s == LEAST_S


def test_who_is_behind_does_not_wait_longer_than_the_limits() -> None:
    polling = Polling()
    assert polling.pause(100, 1 << 20, 60_000, 0.1) == pytest.approx((1 << 20) / BYTES_S - 0.1)
    assert polling.pause(0, 0, 60_000, 0.05) == pytest.approx(LEAST_S - 0.05)
    assert polling.pause(100, 100, 60_000, 5.0) == 0.0


def test_throttling_shows_other_readers_and_is_forgotten_when_they_leave() -> None:
    polling = Polling()
    waits = [polling.throttled() for _ in range(20)]
    assert waits == sorted(waits)
    assert waits[-1] == SHARED_MOST_S
    assert polling.pause(100, 100, 60_000, 0.0) > LEAST_S
    for _ in range(500):
        polling.pause(100, 100, 60_000, 0.0)
    assert polling.pause(100, 100, 60_000, 0.0) == LEAST_S


def test_answers_are_asked_for_in_sizes_that_memory_bears() -> None:
    polling = Polling()
    assert polling.limit == LIMIT_FIRST
    polling.saw(50, 50 * 100)  # small records: many of them
    assert polling.limit == 200
    polling.saw(100, 100 << 20)  # envelopes that inflate to a MiB each: few
    assert polling.limit == 2
    polling.saw(1, 64 << 20)
    assert polling.limit == 1
    assert polling.expected == 64 << 20


def test_without_limits_records_are_followed_by_the_next_call_at_once() -> None:
    polling = Polling(least_s=0.0, bytes_s=0)
    assert polling.pause(1, 10 << 20, 0, 0.0) == 0.0
    assert polling.pause(0, 0, 0, 0.0) > 0.0
