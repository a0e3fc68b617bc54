"""Alert states as a state machine, and beside it a plain reference for windows that arrive in order.

The machine observes windows of two interfaces in any order, open and final, amends them, moves the watermark,
and restarts from the compacted topic. It checks what readers of that topic rely on. The reference knows
in-order windows only: it derives every transition from the text of the marks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streams.alerts.alert_state import (
    CLEAR_WINDOWS,
    HOLD_WINDOWS,
    SILENT_WINDOWS,
    AlertState,
    Evaluation,
)
from streams.alerts.alert_states import KEY_PREFIX, MEMORY_S, AlertStates
from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO
from streams.alerts.marks import BETWEEN, BREACH, CALM
from streams.records import Alert, has_fired
from tests.streams.alerts.judging import T0, W, baseline, traffic

STEPS = 30
BASELINE = baseline(100)
SHOWN = {
    "calm": (100, 0, 0, 0),
    "noisy": (100, 50, 4, 4),
    "worse": (100, 150, 4, 4),
    "between": (82, 18, 4, 4),
    "scan": (100, 200, 200, 1),
}
"""Accepted and rejected flows, distinct ports and sources of a window."""

windows = st.integers(0, 14)
enis = st.sampled_from(["eni-1", "eni-2"])


class AlertMachine(RuleBasedStateMachine):
    """Alert states, the topic that they are stored in, and the alerts that a reader of `alerts` holds."""

    def __init__(self) -> None:
        super().__init__()
        self.states = AlertStates()
        self.stored: dict[bytes, bytes] = {}
        self.alerts: dict[str, Alert] = {}
        self.final: dict[tuple[str, int], str] = {}
        self.watermark = T0

    @rule(eni=enis, n=windows, shown=st.sampled_from(sorted(SHOWN)))
    def observe_final(self, eni: str, n: int, shown: str) -> None:
        self.final[eni, n] = shown
        self._publish(self.states.observe(traffic(n, *SHOWN[shown], eni=eni), BASELINE))

    @rule(eni=enis, n=windows, shown=st.sampled_from(sorted(SHOWN)))
    def observe_open(self, eni: str, n: int, shown: str) -> None:
        alerts = self.states.observe(traffic(n, *SHOWN[shown], eni=eni, is_final=False), BASELINE)
        assert not [one for one in alerts if one.rule == REJECT_RATIO], "a ratio waits for the final window"
        if alerts and (eni, n) not in self.final:
            assert shown == "scan"
        self._publish(alerts)

    @rule(eni=enis, n=windows, shown=st.sampled_from(["noisy", "scan"]), count=st.integers(1, 4))
    def observe_episode(self, eni: str, n: int, shown: str, count: int) -> None:
        """Observe adjacent windows that breach a rule, and two calm ones after them."""
        for at in range(count + 2):
            self.observe_final(eni, n + at, shown if at < count else "calm")

    @rule(minutes=st.integers(0, 12))
    def advance(self, minutes: int) -> None:
        self.watermark += minutes * W
        for alert in self.states.advance(self.watermark):
            assert alert.status in {"resolved", "cancelled"}
            newest = max(n for (eni, n) in self._seen(alert) or [(alert.labels["eni"], 0)])
            assert self.watermark >= T0 + (newest - SILENT_WINDOWS) * W
            self._publish([alert])

    @rule()
    def restart(self) -> None:
        """Continue from the messages of the compacted topic."""
        self._store()
        self.states = AlertStates.load(self.stored)

    @rule(hours=st.integers(7, 9))
    def forget(self, hours: int) -> None:
        """Let event time pass the memory of resolved alerts: nothing is stored after it."""
        self.watermark += hours * 3600
        self._publish(self.states.advance(self.watermark))
        self._publish(self.states.advance(self.watermark + MEMORY_S))
        self._store()
        assert self.stored == {}
        self.watermark = T0
        self.alerts, self.final = {}, {}
        self.states = AlertStates()

    def _seen(self, alert: Alert) -> list[tuple[str, int]]:
        return [key for key in self.final if key[0] == alert.labels["eni"]]

    def _store(self) -> None:
        for key, value in self.states.take_changes().items():
            assert key.startswith(KEY_PREFIX)
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value

    def _publish(self, alerts: Sequence[Alert]) -> None:
        """Apply alerts as a reader of the compacted topic does, and check each transition."""
        for alert in alerts:
            before = self.alerts.get(alert.fingerprint)
            was = before.status if before else "none"
            assert (was, alert.status) in {
                ("none", "pending"),
                ("none", "firing"),
                ("pending", "firing"),
                ("pending", "cancelled"),
                ("firing", "resolved"),
                ("resolved", "firing"),
            }
            self._is_consistent(alert)
            if alert.status == "resolved":
                assert before is not None
                assert (alert.starts_at, alert.ends_at > alert.starts_at) == (before.starts_at, True)
                assert alert.value >= before.value, "a resolved alert shows the peak of its episode"
            if alert.status == "cancelled":
                del self.alerts[alert.fingerprint]
            else:
                self.alerts[alert.fingerprint] = alert

    @staticmethod
    def _is_consistent(alert: Alert) -> None:
        assert alert.window_end == alert.window_start + W
        shown = {
            name: int(values[0])
            for name, values in parse_qs(urlsplit(alert.url).query).items()
            if name != "eni"
        }
        assert shown == {"v": 1, "from": alert.starts_at, "to": shown["to"]}
        assert max(alert.window_end, alert.ends_at) <= shown["to"], (
            "the link shows the window and the episode"
        )
        assert shown["from"] < shown["to"]
        assert has_fired(alert) == (alert.status in {"firing", "resolved"})
        if alert.status == "firing":
            assert alert.value >= alert.threshold

    @invariant()
    def readers_see_what_the_states_say(self) -> None:
        self._store()
        stored = [AlertState.decode(value) for value in self.stored.values()]
        active = {(one.rule, one.eni): one.status for one in stored if one.is_active}
        seen = {(a.rule, a.labels["eni"]): a.status for a in self.alerts.values() if a.status != "resolved"}
        # A pending alert after an episode that fired is not published: the reader still has it as resolved.
        hidden = {(one.rule, one.eni) for one in stored if one.status == "pending" and one.has_fired_before}
        assert {key: status for key, status in active.items() if key not in hidden} == seen
        for eni in ("eni-1", "eni-2"):
            assert self.states.is_active(eni) == any(one == eni for _, one in active)
            assert self.states.has_state(eni) == any(one.eni == eni for one in stored)


TestAlerts = AlertMachine.TestCase
TestAlerts.settings = settings(stateful_step_count=STEPS)


def expected_transitions(history: str, hold: int) -> list[tuple[str, int]]:
    """Return (status, window at which it is decided) for marks that arrive in order, without gaps."""
    found: list[tuple[str, int]] = []
    at, has_fired_before = 0, False
    while (breach := history.find(BREACH, at)) >= 0:
        run = re.compile(f"{BREACH}*").match(history, breach)
        assert run is not None
        if run.end() - breach < hold:
            if not has_fired_before:
                found += [("pending", breach)] + [("cancelled", run.end())] * (run.end() < len(history))
            at = run.end()
            continue
        if hold > 1 and not has_fired_before:
            found.append(("pending", breach))
        found.append(("firing", breach + hold - 1))
        calm = history.find(CALM * CLEAR_WINDOWS, run.end())
        if calm < 0:
            break
        has_fired_before, at = True, calm + CLEAR_WINDOWS
        found.append(("resolved", at - 1))
    return found


@given(
    st.sampled_from([PORT_SCAN, REJECT_RATIO]),
    st.text(alphabet=f"{BREACH}{BETWEEN}{CALM}", max_size=18),
)
def test_windows_in_order_give_the_transitions_of_the_reference(rule_name: str, history: str) -> None:
    hold = HOLD_WINDOWS[rule_name]
    state, found = AlertState(rule_name, "eni-1", W), []
    for at, mark in enumerate(history):
        evaluation = Evaluation(T0 + W * at, W, mark, 1.0, 0.5, "")
        if not state.accepts(evaluation):
            continue
        state = state.with_evaluation(evaluation)
        while (following := state.transition()).status != state.status:
            is_over = following.status == "resolved" and state.status == "pending"
            status = "cancelled" if is_over else following.status
            if not (state.has_fired_before and status in {"pending", "cancelled"}):
                found.append((status, at))
            state = following
        assert AlertState.decode(state.encode()) == state
    assert found == expected_transitions(history, hold)


@given(st.lists(st.sampled_from(sorted(SHOWN)), max_size=20), st.data())
def test_the_same_windows_cut_into_any_order_of_interfaces_give_the_same_alerts(
    shown: list[str], data: st.DataObject
) -> None:
    """Interfaces are independent: how their windows interleave changes no alert of either."""
    apart, mixed = AlertStates(), AlertStates()
    steps = [(eni, n) for eni in ("eni-1", "eni-2") for n in range(len(shown))]
    shuffled = [*data.draw(st.permutations(["eni-1", "eni-2"] * len(shown)))]
    positions = {"eni-1": 0, "eni-2": 0}
    expected = [a for eni, n in steps for a in _see(apart, eni, n, shown[n])]
    found = []
    for eni in shuffled:
        n = positions[eni]
        positions[eni] += 1
        found += _see(mixed, eni, n, shown[n])
    for eni in positions:
        assert [a for a in found if a.labels["eni"] == eni] == [a for a in expected if a.labels["eni"] == eni]
    assert mixed.take_changes() == apart.take_changes()


def _see(states: AlertStates, eni: str, n: int, shown: str) -> list[Alert]:
    return states.observe(traffic(n, *SHOWN[shown], eni=eni), BASELINE)
