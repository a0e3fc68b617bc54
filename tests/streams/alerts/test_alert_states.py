"""Alert states: when an alert fires and resolves; order, repeats and restarts change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.alert_state import AlertState
from streams.alerts.alert_states import KEY_PREFIX, MEMORY_S, AlertStates, fingerprint
from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO
from streams.records import Alert, decode_alert, has_fired
from tests.streams.alerts.judging import T0, W, baseline, traffic

ENI = "eni-1"
USUAL = baseline(100)

# What a window shows: (accepted flows, rejected flows, distinct ports, distinct sources).
CALM = (100, 0, 0, 0)
NOISY = (100, 50, 4, 4)  # 33 % rejected, where nothing usually is
WORSE = (100, 150, 4, 4)
BETWEEN = (82, 18, 4, 4)  # 18 %: under the threshold, not under 80 % of it
SCAN = (100, 200, 200, 1)
WIDER = (100, 300, 300, 1)
QUIET = (0, 0, 0, 0)  # NODATA only
Shown = tuple[int, int, int, int]
Story = list[tuple[str, str, int]]


def see(states: AlertStates, n: int, shown: Shown, eni: str = ENI, *, is_final: bool = True) -> list[Alert]:
    """Let `states` observe window `n`."""
    accepted, rejected, ports, sources = shown
    if not accepted + rejected:
        return []
    one = traffic(n, accepted, rejected, ports, sources, eni=eni, is_final=is_final)
    return states.observe(one, USUAL)


def play(windows: Sequence[tuple[int, Shown]], states: AlertStates | None = None) -> Story:
    """Observe windows in the order given; return (rule, status, number of the window it is about)."""
    states = states if states is not None else AlertStates()
    return story(alert for n, shown in windows for alert in see(states, n, shown))


def story(alerts: Iterable[Alert]) -> Story:
    """Boil alerts down to (rule, status, window number)."""
    return [(a.rule, a.status, (a.window_start - T0) // W) for a in alerts]


def statuses(windows: Sequence[tuple[int, Shown]]) -> list[str]:
    """Return the transitions of some windows."""
    return [status for _, status, _ in play(windows)]


def test_a_scan_fires_at_once_and_resolves_after_two_calm_windows() -> None:
    """One window is enough, and one calm window is not."""
    states = AlertStates()
    (fired,) = see(states, 0, SCAN)
    assert (fired.rule, fired.status, fired.value, fired.threshold) == (PORT_SCAN, "firing", 200, 50)
    assert (fired.starts_at, fired.ends_at) == (T0, 0)
    assert (fired.window_start, fired.window_end) == (T0, T0 + W)
    assert fired.labels == {"eni": ENI}
    assert fired.fingerprint == fingerprint(PORT_SCAN, {"eni": ENI})
    assert fired.url == f"/?v=1&eni={ENI}&from={T0}&to={T0 + W}"
    assert see(states, 1, CALM) == []
    (resolved,) = see(states, 2, CALM)
    assert (resolved.status, resolved.starts_at, resolved.ends_at) == ("resolved", T0, T0 + W)
    assert resolved.fingerprint == fired.fingerprint
    assert has_fired(resolved)
    assert decode_alert(resolved.encode()) == resolved


def test_a_ratio_is_pending_until_its_third_window() -> None:
    """The hold is three adjacent windows, and the alert starts with the first of them."""
    states = AlertStates()
    (pending,) = see(states, 0, NOISY)
    assert (pending.rule, pending.status, has_fired(pending)) == (REJECT_RATIO, "pending", False)
    assert see(states, 1, NOISY) == []
    (firing,) = see(states, 2, NOISY)
    assert (firing.status, firing.starts_at) == ("firing", T0)
    assert play([(3, NOISY), (4, NOISY)], states) == []


def test_a_pending_alert_that_comes_to_nothing_is_cancelled_and_never_resolved() -> None:
    """It is a tombstone on the topic, so that readers drop it; people are not told."""
    states = AlertStates()
    see(states, 0, NOISY)
    (ended,) = see(states, 1, CALM)
    assert (ended.status, ended.starts_at, ended.ends_at) == ("cancelled", T0, T0)
    assert not has_fired(ended)


def test_a_pending_alert_does_not_replace_one_that_is_resolved() -> None:
    """On a compacted topic it would; so while the resolved one is remembered, only firing is published."""
    states = AlertStates()
    fired = [(n, NOISY) for n in range(3)]
    assert [s for _, s, _ in play([*fired, (3, CALM), (4, CALM)], states)] == [
        "pending",
        "firing",
        "resolved",
    ]
    assert play([(10, NOISY), (11, CALM), (12, NOISY), (13, NOISY)], states) == []
    assert play([(14, NOISY)], states) == [(REJECT_RATIO, "firing", 14)]


def test_a_resolved_alert_keeps_its_peak_its_sentence_and_its_times() -> None:
    states = AlertStates()
    play([(0, SCAN), (1, WIDER), (2, SCAN), (3, CALM)], states)
    (resolved,) = see(states, 4, CALM)
    assert (resolved.value, resolved.threshold) == (300, 50)
    assert resolved.summary == "about 300 ports tried by about 1 source, all rejected in 60 s"
    assert (resolved.starts_at, resolved.ends_at) == (T0, T0 + 3 * W)
    assert (resolved.window_start, resolved.window_end) == (T0 + W, T0 + 2 * W)


def test_the_peak_of_a_ratio_is_that_of_its_own_episode() -> None:
    """Not of a pending alert long before that came to nothing, and also where it fell silent."""
    states = AlertStates()
    play([(-9, WORSE), (-8, CALM), (0, NOISY), (1, WORSE), (2, NOISY)], states)
    (resolved,) = states.advance(T0 + 8 * W)
    assert (resolved.status, resolved.value, resolved.ends_at) == ("resolved", 0.6, T0 + 3 * W)
    again = AlertStates()
    play([(-9, WORSE), (-8, CALM), (0, NOISY), (1, NOISY), (2, NOISY)], again)
    (resolved,) = again.advance(T0 + 8 * W)
    assert round(resolved.value, 2) == 0.33


def test_the_sentence_of_an_alert_does_not_repeat_its_interface() -> None:
    states = AlertStates()
    for alert in (*see(states, 0, SCAN), *states.advance(T0 + 9 * W), *see(states, 20, NOISY)):
        assert alert.labels == {"eni": ENI}
        assert ENI not in alert.summary


def test_a_scan_fires_while_its_window_is_open_and_only_once() -> None:
    """Partial rows, then more, then the final ones, then an amendment: one alert."""
    states = AlertStates()
    (fired,) = see(states, 0, SCAN, is_final=False)
    assert (fired.status, fired.starts_at, fired.value) == ("firing", T0, 200)
    assert see(states, 0, WIDER, is_final=False) == []
    assert play([(-1, CALM), (0, WIDER), (0, WIDER), (1, CALM)], states) == []
    (resolved,) = see(states, 2, CALM)
    assert (resolved.status, resolved.value, resolved.ends_at) == ("resolved", 300, T0 + W)


def test_an_open_window_says_nothing_of_a_rule_that_compares_and_is_never_calm() -> None:
    states = AlertStates()
    assert see(states, 0, NOISY, is_final=False) == []
    see(states, 0, SCAN)
    assert [see(states, n, CALM, is_final=False) for n in (1, 2, 3)] == [[], [], []]
    assert [a.status for n in (1, 2) for a in see(states, n, CALM)] == ["resolved"]


def test_the_final_window_replaces_the_mark_of_the_open_one() -> None:
    """Sources that came later may explain the ports: then the alert resolves with the windows after it."""
    states = AlertStates()
    see(states, 0, SCAN, is_final=False)
    assert [a.rule for a in see(states, 0, (100, 200, 200, 120))] == [REJECT_RATIO]
    resolved = [a for n in (1, 2) for a in see(states, n, CALM) if a.rule == PORT_SCAN]
    assert [(a.status, a.value) for a in resolved] == [("resolved", 200)]


def test_an_open_window_far_ahead_does_not_end_an_episode_whose_windows_are_not_here_yet() -> None:
    states = AlertStates()
    see(states, 0, SCAN)
    assert see(states, 9, SCAN, is_final=False) == []
    assert play([(n, SCAN) for n in range(1, 9)], states) == []


def test_between_the_thresholds_nothing_resolves_and_nothing_fires() -> None:
    """Hysteresis: 18 % neither holds a pending alert nor calms a firing one."""
    assert statuses([(0, NOISY), (1, BETWEEN)]) == ["pending", "cancelled"]
    fired = [(n, NOISY) for n in range(3)]
    assert statuses([*fired, (3, CALM), (4, BETWEEN), (5, CALM), (6, BETWEEN), (7, CALM)]) == [
        "pending",
        "firing",
    ]
    assert statuses([*fired, (3, BETWEEN), (4, CALM), (5, CALM)])[-1] == "resolved"


def test_a_scan_does_not_become_a_ratio_as_well() -> None:
    """Many windows of scanning are one alert."""
    assert play([(n, SCAN) for n in range(5)]) == [(PORT_SCAN, "firing", 0)]


def test_a_window_observed_again_counts_once() -> None:
    """An amended final of the same window is not a second window of the hold."""
    assert play([(0, NOISY), (0, NOISY), (0, NOISY)]) == [(REJECT_RATIO, "pending", 0)]
    calm_twice = [(0, SCAN), (1, CALM), (1, CALM), (1, CALM)]
    assert play(calm_twice) == [(PORT_SCAN, "firing", 0)]


def test_an_amendment_replaces_what_the_window_said() -> None:
    """Late rows can complete a hold, undo it, or take a calm window back."""
    assert play([(0, NOISY), (0, CALM)]) == [(REJECT_RATIO, "pending", 0), (REJECT_RATIO, "cancelled", 0)]
    taken_back = [(0, SCAN), (1, CALM), (1, SCAN), (2, CALM)]
    assert play(taken_back) == [(PORT_SCAN, "firing", 0)]
    completed = [(0, NOISY), (1, CALM), (2, NOISY), (1, NOISY)]
    assert play(completed)[-1] == (REJECT_RATIO, "firing", 1)
    moved = [(0, NOISY), (1, CALM), (0, CALM), (1, NOISY)]
    assert play(moved)[-1] == (REJECT_RATIO, "pending", 1)


def test_amending_an_episode_that_is_over_does_not_raise_it_again() -> None:
    """The scan was told; more of the same scan, arriving late, is not another one."""
    states = AlertStates()
    assert len(play([(0, SCAN), (1, CALM), (2, CALM)], states)) == 2
    assert play([(0, SCAN), (1, SCAN), (2, SCAN)], states) == []
    assert play([(3, SCAN)], states) == [(PORT_SCAN, "firing", 3)]


def test_windows_out_of_order_complete_the_hold() -> None:
    """Swapped neighbours, and a neighbour overtaken by a calm window, tell the same in the end."""
    assert play([(2, NOISY), (1, NOISY), (0, NOISY)])[-1] == (REJECT_RATIO, "firing", 0)
    assert play([(1, NOISY), (2, NOISY), (3, CALM), (0, NOISY)])[-1] == (REJECT_RATIO, "firing", 0)
    assert play([(0, NOISY), (1, NOISY), (3, CALM), (2, NOISY)])[-1] == (REJECT_RATIO, "firing", 2)


def test_a_hold_that_is_completed_late_fires_and_resolves_in_one_go() -> None:
    """Two calm windows came before the row that makes the alert: both transitions are told, in order."""
    late = [(1, NOISY), (2, NOISY), (4, CALM), (5, CALM), (0, NOISY)]
    assert statuses(late) == ["pending", "cancelled", "firing", "resolved"]


def test_breaches_that_are_not_neighbours_do_not_hold() -> None:
    """A window without traffic between them breaks the run."""
    assert statuses([(0, NOISY), (1, QUIET), (2, NOISY), (3, NOISY)]) == ["pending"]
    assert play([(0, NOISY), (2, NOISY), (3, NOISY), (4, NOISY)])[-1] == (REJECT_RATIO, "firing", 4)


def test_a_pending_alert_whose_next_window_is_missing_ends_with_the_second_one_after() -> None:
    """One window may be late; two are not waited for."""
    assert play([(0, NOISY), (2, CALM), (3, CALM)])[-1] == (REJECT_RATIO, "cancelled", 3)


def test_silence_resolves_after_five_windows() -> None:
    """The watermark alone ends what the ENI does not; NODATA lines are silence."""
    states = AlertStates()
    see(states, 0, SCAN)
    assert play([(n, QUIET) for n in range(1, 6)], states) == []
    assert states.advance(T0 + 6 * W - 1) == []
    (resolved,) = states.advance(T0 + 6 * W)
    assert (resolved.status, resolved.ends_at, resolved.value) == ("resolved", T0 + W, 200)
    assert has_fired(resolved)
    assert states.advance(T0 + 7 * W) == []


def test_silence_is_noticed_without_the_watermark() -> None:
    """A window after a long gap ends the old episode before it begins a new one."""
    assert play([(0, SCAN), (100, SCAN)]) == [
        (PORT_SCAN, "firing", 0),
        (PORT_SCAN, "resolved", 0),
        (PORT_SCAN, "firing", 100),
    ]


def test_enis_do_not_share_lives() -> None:
    """Each ENI has its own alert, fingerprint and end."""
    states = AlertStates()
    (one,) = see(states, 0, SCAN, "eni-1")
    (two,) = see(states, 0, SCAN, "eni-2")
    assert one.fingerprint != two.fingerprint
    see(states, 5, SCAN, "eni-2")
    assert [alert.labels["eni"] for alert in states.advance(T0 + 6 * W)] == ["eni-1"]


def test_only_what_broke_a_rule_is_kept_and_only_for_a_while() -> None:
    """Calm ENIs cost nothing; a resolved state is deleted when its windows can no longer be amended."""
    states = AlertStates()
    for n in range(50):
        see(states, n, CALM, f"eni-{n}")
    assert states.take_changes() == {}
    see(states, 0, SCAN)
    (key,) = written = states.take_changes()
    assert key == KEY_PREFIX + fingerprint(PORT_SCAN, {"eni": ENI}).encode()
    value = written[key]
    assert value is not None
    assert len(value) < 384
    assert states.take_changes() == {}
    states.advance(T0 + 6 * W)
    assert states.take_changes()[key] is not None
    states.advance(T0 + MEMORY_S - 1)
    assert states.take_changes() == {}
    states.advance(T0 + MEMORY_S)
    assert states.take_changes() == {key: None}


def test_a_state_stays_small_however_long_it_lasts() -> None:
    """A scan of a thousand windows is one value, as small as that of ten."""
    states = AlertStates()
    play([(n, SCAN) for n in range(1000)], states)
    assert all(value is not None and len(value) < 1024 for value in states.take_changes().values())


def test_load_passes_over_what_is_not_ours() -> None:
    """The hop keeps other keys in the same state."""
    assert AlertStates.load({b"place": b"\x00"}).take_changes() == {}


def test_a_state_written_by_the_version_before_is_read() -> None:
    """It has no peak: then a resolved alert shows its last window, as that version did."""
    states = AlertStates()
    see(states, 0, SCAN)
    old = {
        key: orjson.dumps({n: v for n, v in orjson.loads(value or b"").items() if not n.startswith("peak_")})
        for key, value in states.take_changes().items()
    }
    (resolved,) = AlertStates.load(old).advance(T0 + 6 * W)
    assert (resolved.status, resolved.starts_at, resolved.ends_at) == ("resolved", T0, T0 + W)


def test_the_names_in_the_state_are_those_of_the_version_before() -> None:
    """`closed_through` is stored as `settled`: older and newer workers read each other's state."""
    stored = {
        "rule": "port_scan",
        "eni": ENI,
        "window_s": W,
        "status": "resolved",
        "starts_at": T0,
        "ends_at": T0 + W,
        "settled": T0 + 2 * W,
        "marks": [[T0 + 3 * W, "c"]],
        "peak_start": T0,
        "peak_value": 200.0,
        "peak_threshold": 50.0,
        "peak_summary": "about 200 ports",
    }
    state = AlertState.decode(orjson.dumps(stored))
    assert (state.closed_through, state.marks) == (T0 + 2 * W, ((T0 + 3 * W, "c"),))
    assert orjson.loads(state.encode()) == stored


Step = tuple[str, int, Shown, bool]
shown = st.sampled_from([CALM, NOISY, WORSE, BETWEEN, SCAN, WIDER, QUIET])
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["eni-1", "eni-2"]), st.integers(0, 14), shown, st.booleans()),
        st.tuples(st.just("advance"), st.integers(0, 400), st.just(CALM), st.just(value=True)),
    ),
    max_size=40,
)


def take(states: AlertStates, step: Step) -> list[Alert]:
    """Do one step: a window of an ENI, or the watermark."""
    who, n, what, is_final = step
    return states.advance(T0 + n * W) if who == "advance" else see(states, n, what, who, is_final=is_final)


@given(steps=steps, cuts=st.sets(st.integers(0, 40)))
def test_restarts_change_nothing(steps: list[Step], cuts: set[int]) -> None:
    """Dumped and loaded at any points, the transitions are those of a process that never stopped."""
    unbroken, states = AlertStates(), AlertStates()
    topic: dict[bytes, bytes] = {}
    for n, step in enumerate(steps):
        if n in cuts:
            for key, value in states.take_changes().items():
                if value is None:
                    topic.pop(key, None)
                else:
                    topic[key] = value
            states = AlertStates.load(topic)
        assert take(states, step) == take(unbroken, step)


@given(steps=steps)
def test_transitions_follow_one_another(steps: list[Step]) -> None:
    """Whatever comes, an alert goes pending → firing → resolved, and every episode ends after it starts."""
    states = AlertStates()
    status: dict[str, str] = {}
    ends: dict[str, int] = {}

    def is_forgotten(alert: Alert) -> bool:
        return alert.starts_at >= ends.get(alert.fingerprint, 0) + MEMORY_S - 20 * W

    allowed = {
        "resolved": {"firing"},
        "cancelled": {"pending", "firing"},
        "pending": {"firing", "cancelled"},
        "firing": {"resolved"},
    }
    for step in steps:
        for alert in take(states, step):
            before = status.get(alert.fingerprint, "cancelled")
            assert alert.status in allowed[before] | ({"pending"} if is_forgotten(alert) else set())
            assert (alert.ends_at == 0) == (alert.status in {"pending", "firing"})
            assert has_fired(alert) == (alert.status in {"firing", "resolved"})
            status[alert.fingerprint] = alert.status
            ends[alert.fingerprint] = alert.ends_at


@given(steps=steps)
def test_seeing_the_same_window_twice_says_nothing_new(steps: list[Step]) -> None:
    """A repeated final is harmless wherever it comes."""
    states = AlertStates()
    for step in steps:
        take(states, step)
        assert take(states, step) == []
