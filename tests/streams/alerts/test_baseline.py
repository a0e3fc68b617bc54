"""The baseline of an interface follows the traffic, learns each window once, is bounded and restored."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.baseline import (
    KEY_PREFIX,
    WARM_UP_WINDOWS,
    Baseline,
    Baselines,
    UnknownFormat,
    deviations,
)
from tests.streams.alerts.judging import T0, W, baseline

counts = st.integers(0, 1000)


def test_equal_windows_are_what_is_usual() -> None:
    found = baseline(90, 10)
    assert found.accepted == pytest.approx(90)
    assert found.rejected == pytest.approx(10)
    assert found.ratio == pytest.approx(0.1)
    assert found.deviation == pytest.approx(0)
    assert deviations(found, 10) == pytest.approx(0)


def test_it_is_known_after_ten_windows() -> None:
    assert [baseline(5, windows=n).is_known for n in (0, WARM_UP_WINDOWS - 1, WARM_UP_WINDOWS)] == [
        False,
        False,
        True,
    ]
    assert WARM_UP_WINDOWS == 10


def test_a_level_follows_slow_change_with_a_half_life_of_twenty_windows() -> None:
    found = baseline(100, 0, windows=100)
    for n in range(20):
        found.learn(T0 + n * W, 200, 0)
    assert 145 < found.accepted < 155


def test_bursts_widen_the_range() -> None:
    even, bursty = Baseline(), Baseline()
    for n in range(60):
        even.learn(n, 100, 20)
        bursty.learn(n, 100, 60 if n % 4 == 0 else 7)
    assert deviations(even, 60) > 6
    assert deviations(bursty, 60) < 3


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=80))
def test_levels_stay_within_what_was_seen(windows: list[tuple[int, int]]) -> None:
    found = Baseline()
    for n, (accepted, rejected) in enumerate(windows):
        found.learn(n, accepted, rejected)
    assert min(a for a, _ in windows) - 1e-6 <= found.accepted <= max(a for a, _ in windows) + 1e-6
    assert 0 <= found.ratio <= 1
    assert found.deviation >= 0


def test_a_window_that_is_not_newer_is_not_learned_again() -> None:
    baselines = Baselines()
    baselines.learn("eni-1", T0, 10, 5)
    before = baselines.take_changes()
    baselines.learn("eni-1", T0, 1000, 0)
    baselines.learn("eni-1", T0 - W, 1000, 0)
    assert baselines.take_changes() == {}
    assert Baselines.load({k: v for k, v in before.items() if v}).of("eni-1") == baselines.of("eni-1")


steps = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), counts, counts), max_size=60)


@given(steps, st.sets(st.integers(0, 59)))
def test_a_restart_restores_exactly_what_was_known_with_evictions_too(
    steps: list[tuple[int, int, int, int]], cuts: set[int]
) -> None:
    plain, restarted = Baselines(20), Baselines(20)
    topic: dict[bytes, bytes] = {}
    for at, (name, n, accepted, rejected) in enumerate(steps):
        if at in cuts:
            topic |= restarted.take_changes()
            restarted = Baselines.load(topic, 20)
        for one in (plain, restarted):
            one.learn(f"eni-{name}", n * W, accepted, rejected)
        assert [restarted.of(f"eni-{i}") for i in range(61)] == [plain.of(f"eni-{i}") for i in range(61)]


def test_the_number_of_interfaces_is_bounded_and_the_one_seen_longest_ago_goes_first() -> None:
    baselines = Baselines(100)
    for n in range(1000):
        baselines.learn(f"eni-{n}", n * W, 10, 0)
        assert sum(baselines.of(f"eni-{i}") is not None for i in range(n + 1)) <= 100
    assert baselines.of("eni-999") is not None
    assert baselines.of("eni-0") is None


def test_the_state_is_small_values_that_name_their_format() -> None:
    baselines = Baselines()
    for n in range(2000):
        baselines.learn(f"eni-{n:017x}", T0, 10, n)
    written = baselines.take_changes()
    assert all(key.startswith(KEY_PREFIX) for key in written)
    assert max(map(len, written.values())) < 8_000
    assert {orjson.loads(value)["format"] for value in written.values()} == {1}
    baselines.learn("eni-1", T0 + W, 10, 0)
    assert len(baselines.take_changes()) == 1


def test_another_format_is_an_error_with_a_remedy() -> None:
    value = orjson.dumps({"format": 2, "interfaces": {}})
    with pytest.raises(
        UnknownFormat, match="has format 2, but this version reads format 1: start the version"
    ):
        Baselines.load({KEY_PREFIX + b"3": value})


def test_keys_of_others_are_ignored() -> None:
    assert Baselines.load({b"place": b"\x00", b"life|x": b"{"}).take_changes() == {}
