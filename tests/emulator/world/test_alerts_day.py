"""Hours of an estate: noise is no alert, and planted incidents are found. The whole day is a bench."""

from __future__ import annotations

import pytest

from emulator.world.incidents.targets import KINDS
from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO
from tests.emulator.world.stages import Stage
from tests.emulator.world.worlds import crowded
from tests.streams.alerts.alerts_day import GAP, LEARNING, played

ALL_INCIDENTS = LEARNING + len(KINDS) * GAP + 20
RULES = {("port_scan", PORT_SCAN), ("removed_rule", REJECT_RATIO)}


@pytest.mark.bulk
@pytest.mark.load
def test_hours_without_incidents_are_without_alerts() -> None:
    day = played(crowded(), 300)
    assert [alert for alert in day.alerts if alert.status == "firing"] == []


@pytest.mark.bulk
def test_planted_incidents_are_found_between_the_noise_and_nothing_else_is() -> None:
    day = played(crowded(), ALL_INCIDENTS, KINDS)
    assert {(label.kind, label.rule) for label in day.report.found} == RULES
    assert (day.report.missed, day.report.false) == ((), ())


@pytest.mark.bulk
def test_a_planted_scan_fires_before_its_window_is_final() -> None:
    """Windows are final ten minutes after they end."""
    seen: list[int] = []
    day = played(crowded(), LEARNING + 5, ("port_scan",), on_alert=lambda minute, _: seen.append(minute))
    assert [(alert.rule, alert.status) for alert in day.alerts] == [(PORT_SCAN, "firing")]
    (label,) = day.report.found
    assert seen == [label.window_start // 60]


@pytest.mark.moto
@pytest.mark.load
def test_a_morning_of_the_shop_is_without_false_alerts(shop: Stage) -> None:
    quiet = played(shop.estate, 360)
    assert [alert for alert in quiet.alerts if alert.status == "firing"] == []
    day = played(shop.estate, ALL_INCIDENTS, KINDS)
    assert {(label.kind, label.rule) for label in day.report.found} == RULES
    assert day.report.missed == ()
    assert day.false == {}  # other planted incidents may look like scans, too
