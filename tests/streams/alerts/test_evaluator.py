"""The alerts of a partition: when the baseline learns, noise that raises no alert, incidents that do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.world.traffic.profiles import level
from streams.alerts.baseline import WARM_UP_WINDOWS
from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO, Traffic
from streams.alerts.evaluator import Evaluator
from streams.records import Alert
from tests.streams.alerts.judging import ENI, T0, W, frame, rows, traffic

DAY = 24 * 60
USUAL = (100, 2)
LATENESS_S = 600


def given_to(evaluator: Evaluator, *found: Traffic) -> list[Alert]:
    """Let a evaluator judge some windows, as one message of `finals` each, with the watermark that is due."""
    alerts = []
    for one in found:
        ended = one.window_start + W
        watermark = ended if one.is_final else ended - LATENESS_S
        alerts += evaluator.evaluate(frame(rows(one)), watermark)
    return alerts


def windows(first: int, count: int, accepted: int, rejected: int) -> Iterator[Traffic]:
    """Yield windows that are all alike, from number `first` on."""
    return (traffic(first + n, accepted, rejected, min(rejected, 4), rejected) for n in range(count))


def fired(alerts: Iterable[Alert]) -> list[tuple[str, int]]:
    return [(a.rule, (a.window_start - T0) // W) for a in alerts if a.status == "firing"]


@pytest.mark.parametrize("quiet", range(WARM_UP_WINDOWS))
def test_nothing_is_judged_by_its_ratio_in_the_first_ten_windows(quiet: int) -> None:
    attack = windows(quiet, WARM_UP_WINDOWS - quiet, 100, 300)
    assert given_to(Evaluator(), *windows(0, quiet, *USUAL), *attack) == []


def test_from_the_eleventh_window_on_a_ratio_is_judged() -> None:
    attack = windows(WARM_UP_WINDOWS, 3, 100, 300)
    assert fired(given_to(Evaluator(), *windows(0, WARM_UP_WINDOWS, *USUAL), *attack)) == [(REJECT_RATIO, 12)]


@pytest.mark.parametrize("rejected", [100, 1000])
def test_a_ratio_fires_in_the_third_window_against_what_was_usual(rejected: int) -> None:
    evaluator = Evaluator()
    assert given_to(evaluator, *windows(0, 20, *USUAL)) == []
    alerts = given_to(evaluator, *windows(20, 3, 100, rejected))
    assert [a.status for a in alerts] == ["pending", "firing"]
    assert alerts[-1].summary.endswith("usually 2% in 60 s")
    assert alerts[-1].starts_at == T0 + 20 * W


def test_an_attack_does_not_become_usual_however_long_it_lasts() -> None:
    """The levels are frozen while an alert is pending or firing, and go on after it."""
    evaluator = Evaluator()
    given_to(evaluator, *windows(0, 20, *USUAL))
    before = evaluator._baselines.of(ENI)
    assert before is not None
    levels = before.level, before.accepted, before.windows
    assert fired(given_to(evaluator, *windows(20, 500, 100, 300))) == [(REJECT_RATIO, 22)]
    assert (before.level, before.accepted, before.windows) == levels
    assert [a.status for a in given_to(evaluator, *windows(520, 3, *USUAL))] == ["resolved"]
    assert before.windows == levels[2] + 2  # the two calm windows that resolve it are not yet learned
    assert fired(given_to(evaluator, *windows(530, 3, 100, 300))) == [(REJECT_RATIO, 532)]


def test_a_window_is_not_part_of_what_it_is_compared_with() -> None:
    """Where it was, no single window could ever be far above the mean of ten (max z = √(n - 1))."""
    evaluator = Evaluator()
    given_to(evaluator, *windows(0, WARM_UP_WINDOWS, *USUAL))
    assert [a.status for a in given_to(evaluator, *windows(WARM_UP_WINDOWS, 1, 100, 10_000))] == ["pending"]


def test_an_amended_window_is_not_learned_twice() -> None:
    once, twice = Evaluator(), Evaluator()
    for n in range(20):
        given_to(once, traffic(n, 100, n))
        given_to(twice, traffic(n, 100, n), traffic(n, 150, n), traffic(max(n - 3, 0), 1, 0))
    assert once._baselines.of(ENI) == twice._baselines.of(ENI)


def test_an_open_window_is_not_learned() -> None:
    evaluator = Evaluator()
    given_to(evaluator, *windows(0, 5, *USUAL))
    before = evaluator._baselines.of(ENI)
    assert before is not None
    learned = before.windows
    given_to(
        evaluator, traffic(5, 100, 2, 2, 1, is_final=False), traffic(5, 100, 200, 200, 1, is_final=False)
    )
    assert before.windows == learned


def test_full_rejection_of_a_small_interface_fires_after_three_windows() -> None:
    """All of at least ten flows, where this was not so before."""
    evaluator = Evaluator()
    assert given_to(evaluator, *windows(0, 15, 12, 1)) == []
    alerts = given_to(evaluator, *windows(15, 3, 0, 12))
    assert fired(alerts) == [(REJECT_RATIO, 17)]
    assert alerts[-1].summary == "all of 12 flows rejected, usually 8% in 60 s"
    assert fired(given_to(evaluator, *windows(18, 9, 0, 12))) == []
    (resolved,) = given_to(evaluator, *windows(27, 2, 12, 1))
    assert (resolved.status, resolved.value, resolved.starts_at) == ("resolved", 1.0, T0 + 15 * W)
    assert resolved.ends_at == T0 + 27 * W


@pytest.mark.parametrize(("accepted", "rejected"), [(0, 12), (0, 60), (1, 30)])
def test_an_interface_that_always_rejects_all_is_no_alert(accepted: int, rejected: int) -> None:
    evaluator = Evaluator()
    assert given_to(evaluator, *windows(0, 30, accepted, rejected), *windows(30, 30, 0, rejected + 3)) == []


def test_a_scan_is_no_reason_to_expect_rejects() -> None:
    """Its windows are not learned, so a real change of the ratio right after it is still found."""
    evaluator = Evaluator()
    given_to(evaluator, *windows(0, 15, *USUAL))
    given_to(evaluator, *(traffic(15 + n, 100, 300, 300, 1) for n in range(20)))
    assert (REJECT_RATIO, 37) in fired(given_to(evaluator, *windows(35, 3, 100, 150)))


def noisy(rng: np.random.Generator, accepted: int, noise: float) -> list[tuple[int, int]]:
    """Return a day of an interface: traffic by the hour, clumped, with stops; noise with short bursts."""
    hours = np.array([level("office", minute * 60) for minute in range(DAY)]) / 1000
    usual = rng.poisson(rng.gamma(4, accepted * hours / 4)) if accepted else np.zeros(DAY, np.int64)
    for begins in rng.integers(0, DAY, 3):  # a deployment, a restart, a night without clients
        usual[begins : begins + rng.integers(3, 30)] = 0
    rejects = rng.poisson(rng.gamma(3, noise / 3, DAY))
    for begins in rng.integers(0, DAY - 2, 6):
        rejects[begins : begins + rng.integers(1, 3)] += rng.poisson(rng.lognormal(4, 0.8))
    return list(zip(usual.tolist(), rejects.tolist(), strict=True))


@pytest.mark.bulk
@pytest.mark.parametrize("noise", [1, 4, 15, 60])
def test_ordinary_internet_noise_is_no_alert(noise: float) -> None:
    """Days of interfaces from idle to busy, noise of any strength in bursts of one or two minutes.

    84 interface days without an alert say, at 95 %, that at most one in 28 has one; the day of a whole
    estate (`tests.bench.alerts_day`) says more.
    """
    rng = np.random.Generator(np.random.PCG64([7, int(noise)]))
    evaluator = Evaluator()
    days = {f"eni-{a}-{k}": noisy(rng, a, noise) for a in (0, 2, 6, 15, 40, 150, 600) for k in range(3)}
    alerts = []
    for n in range(DAY):
        found = [traffic(n, *day[n], min(day[n][1], 15), day[n][1], eni=eni) for eni, day in days.items()]
        alerts += evaluator.evaluate(frame(row for one in found for row in rows(one)), T0 + (n + 1) * W)
    assert fired(alerts) == []


Step = tuple[int, int, tuple[int, int, int, int], bool]
shown = st.sampled_from([(100, 2, 2, 2), (100, 200, 4, 90), (0, 14, 3, 9), (14, 0, 0, 0), (9, 200, 200, 1)])
steps = st.lists(st.tuples(st.integers(0, 1), st.integers(-2, 1), shown, st.booleans()), max_size=60)


@settings(max_examples=60)
@given(steps=steps, cuts=st.sets(st.integers(0, 60)))
def test_restarts_change_nothing(steps: list[Step], cuts: set[int]) -> None:
    """Written and loaded at any points, alerts are those of a process that never stopped."""
    unbroken, evaluator = Evaluator(), Evaluator()
    topic: dict[bytes, bytes] = {}
    at = 0
    for n, (name, move, what, is_final) in enumerate(steps):
        at = max(at + move, 0)
        if n in cuts:
            for key, value in evaluator.take_changes().items():
                if value is None:
                    topic.pop(key, None)
                else:
                    topic[key] = value
            evaluator = Evaluator.load(topic)
        one = traffic(at, *what, eni=f"eni-{name}", is_final=is_final)
        assert given_to(evaluator, one) == given_to(unbroken, one)


def test_alerts_are_the_same_for_any_cut_of_windows_into_messages() -> None:
    """A backlog brings many windows in one message, live traffic one each."""
    rng = Random(3)
    found = [
        traffic(n, 100, 300 if 30 <= n < 40 else rng.randrange(5), 3, 3, eni=f"eni-{k}")
        for n in range(60)
        for k in range(3)
    ]
    whole, live = Evaluator(), Evaluator()
    at_once = whole.evaluate(frame(row for one in found for row in rows(one)), T0 + 60 * W)
    one_by_one = [a for one in found for a in live.evaluate(frame(rows(one)), one.window_start + W)]
    assert Counter(fired(at_once)) == Counter(fired(one_by_one)) == {(REJECT_RATIO, 32): 3}


def test_a_scan_in_an_open_window_fires_and_its_final_rows_do_not_again() -> None:
    evaluator = Evaluator()
    (first,) = given_to(evaluator, traffic(0, 3, 60, 60, 1, is_final=False))
    assert (first.rule, first.status, first.value) == (PORT_SCAN, "firing", 60)
    assert given_to(evaluator, traffic(0, 3, 300, 300, 1, is_final=False), traffic(0, 5, 300, 300, 1)) == []
    (resolved,) = given_to(evaluator, *windows(1, 2, 100, 1))
    assert (resolved.status, resolved.value) == ("resolved", 300)
