"""One window of one interface in, the rules it breaks out: the boundaries, and what must not be judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.baseline import WARM_UP_WINDOWS, Baseline
from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO, Thresholds, find, measure, traffic_of
from tests.streams.alerts.judging import T0, W, baseline, frame, rows, traffic

CLEAN = baseline(1000)  # an interface that usually rejects nothing


def broken(accepted: int, rejected: int, known: Baseline | None = CLEAN) -> list[str]:
    return [finding.rule for finding in find(traffic(0, accepted, rejected), known)]


@pytest.mark.parametrize(
    ("accepted", "rejected", "is_broken"),
    [
        (64, 16, True),  # exactly 20 % above the usual 0 %
        (39, 10, False),  # one flow short of fifty
        (65, 16, False),  # 19.8 %
        (0, 50, True),  # nothing but rejects
        (50, 0, False),
        (4_000_000, 1_000_000, True),
        (4_000_001, 1_000_000, False),
    ],
)
def test_reject_ratio_breaks_twenty_points_above_the_usual(
    accepted: int, rejected: int, is_broken: bool
) -> None:
    assert broken(accepted, rejected) == ([REJECT_RATIO] if is_broken else [])


@pytest.mark.parametrize(
    ("known", "accepted", "rejected", "is_broken"),
    [
        (baseline(60, 40), 60, 40, False),  # 40 % is usual here
        (baseline(60, 40), 60, 60, False),  # 50 % is still near
        (baseline(60, 40), 60, 89, False),  # 59.7 %
        (baseline(60, 40), 60, 91, True),
        (baseline(40, 5), 25, 26, False),  # 51 % of 11 %, and the rejects are up by 5.6 deviations
        (baseline(40, 5), 25, 29, True),  # by 6.2
        (baseline(60, 40), 20, 42, False),  # 68 %, but it is accepted traffic that went away
        (baseline(5, 95), 0, 900, False),  # nearly all is rejected on this interface anyway
        (baseline(20, 5), 20, 40, True),
    ],
)
def test_both_the_ratio_and_the_rejects_must_leave_the_usual_range(
    known: Baseline, accepted: int, rejected: int, is_broken: bool
) -> None:
    """Internet noise makes most flows of a quiet public interface rejects, and is no alert."""
    margin = broken(accepted, rejected, known)
    assert margin == ([REJECT_RATIO] if is_broken else [])


def test_an_interface_whose_usual_traffic_is_not_known_is_not_judged_by_its_ratio() -> None:
    assert broken(0, 1000, None) == []
    assert broken(0, 1000, baseline(1000, windows=WARM_UP_WINDOWS - 1)) == []
    assert broken(0, 1000, baseline(1000, windows=WARM_UP_WINDOWS)) == [REJECT_RATIO]


@pytest.mark.parametrize(
    ("known", "accepted", "rejected", "is_broken"),
    [
        (baseline(12), 0, 10, True),
        (baseline(12), 0, 9, False),  # fewer than ten flows
        (baseline(12), 1, 20, False),  # not all of them
        (baseline(12, 2), 0, 14, True),  # what was accepted is rejected now
        (baseline(12, 8), 0, 9, False),  # as many rejects as ever: its clients went away
        (baseline(4, 1), 0, 12, False),  # too little was accepted to miss it
        (baseline(2, 20), 0, 30, False),  # nearly all is rejected anyway
        (baseline(12, windows=9), 0, 20, False),
    ],
)
def test_full_rejection_of_a_small_interface_breaks_the_rule(
    known: Baseline, accepted: int, rejected: int, is_broken: bool
) -> None:
    assert broken(accepted, rejected, known) == ([REJECT_RATIO] if is_broken else [])


@pytest.mark.parametrize(
    ("ports", "sources", "is_broken"),
    [
        (50, 1, True),
        (49, 1, False),
        (50, 5, True),  # exactly ten ports a source
        (50, 6, False),
        (149, 50, False),  # fifty sources of noise, and a port short of a scan
        (150, 50, True),
        (100, 100, False),  # the internet: each tries one port
        (1000, 500, False),
        (50, 0, True),  # a format without a source: there is at least one
    ],
)
@pytest.mark.parametrize("is_final", [True, False])
def test_port_scan_breaks_at_its_thresholds_in_open_windows_too(
    ports: int, sources: int, is_broken: bool, is_final: bool
) -> None:
    """Many ports, and many of them for each source; nothing needs to be known of the interface."""
    found = find(traffic(0, 10_000, ports, ports, sources, is_final=is_final), None)
    assert [finding.rule for finding in found] == ([PORT_SCAN] if is_broken else [])


def test_an_open_window_is_not_judged_by_a_rule_that_compares() -> None:
    """Its accepted flows may not be here yet."""
    half = traffic(0, 0, 1000, is_final=False)
    assert find(half, CLEAN) == []
    assert measure(half, CLEAN) == {PORT_SCAN: 0.0}


def test_a_scan_is_the_one_cause_of_its_rejects() -> None:
    """A window that breaks both rules has one finding, though both values are measured."""
    scan = traffic(0, 100, 400, 400, 1)
    (finding,) = find(scan, CLEAN)
    assert (finding.rule, finding.value, finding.threshold) == (PORT_SCAN, 400, 50)
    assert finding.summary == "about 400 ports tried by about 1 source, all rejected in 60 s"
    assert measure(scan, CLEAN) == {PORT_SCAN: 400, REJECT_RATIO: 0.8}


def test_a_finding_says_what_and_compares_and_leaves_the_interface_to_its_label() -> None:
    (finding,) = find(traffic(0, 75, 75), baseline(90, 10))
    assert (finding.value, finding.threshold) == (0.5, 0.3)
    assert finding.summary == "50% of 150 flows rejected, usually 10% in 60 s"
    (finding,) = find(traffic(0, 0, 14), baseline(12))
    assert finding.summary == "all of 14 flows rejected, usually 0% in 60 s"


@pytest.mark.parametrize(
    ("one", "known", "values"),
    [
        (traffic(0, 30, 13), CLEAN, {PORT_SCAN: 0.0, REJECT_RATIO: 13 / 43}),  # 80 % of 50 flows
        (traffic(0, 25, 13), CLEAN, {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),  # too few to go on
        (traffic(0, 0, 8), baseline(12), {PORT_SCAN: 0.0, REJECT_RATIO: 1.0}),  # 80 % of ten, all rejected
        (traffic(0, 0, 7), baseline(12), {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
        (traffic(0, 10, 8, 8, 1), CLEAN, {PORT_SCAN: 8.0, REJECT_RATIO: 0.0}),
        (traffic(0, 10, 7, 7, 1), CLEAN, {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
        (traffic(0, 500), CLEAN, {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
        (traffic(0, 0, 500), None, {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
    ],
)
def test_measure_asks_for_evidence_too(one: object, known: Baseline | None, values: dict[str, float]) -> None:
    """Too few flows, or ports spread over many sources, cannot keep an alert alive."""
    assert measure(one, known) == values  # type: ignore[arg-type]


def test_facts_of_the_log_and_rows_without_an_action_are_no_traffic() -> None:
    only = rows(traffic(0, 0))
    assert [row.action for row in only] == ["NODATA"]
    odd = [replace(only[0], action=action, flows=100) for action in ("NODATA", "SKIPDATA", "-")]
    assert traffic_of(frame(odd)) == []
    assert traffic_of(frame([*rows(traffic(0, 40, 10)), *odd])) == [traffic(0, 40, 10)]


def test_the_newest_revision_of_a_row_counts() -> None:
    """Old and new in one message, in any order, are one row."""
    old, new = rows(traffic(0, 490, 500), 1), rows(traffic(0, 490, 10), 2)
    assert traffic_of(frame([*new, *old])) == traffic_of(frame([*old, *new])) == [traffic(0, 490, 10)]


def test_windows_and_interfaces_are_kept_apart_and_the_oldest_is_first() -> None:
    found = [traffic(1, 5), traffic(0, 7, eni="eni-2"), traffic(0, 6, 1, 1, 1, is_final=False)]
    assert traffic_of(frame(row for one in found for row in rows(one))) == [found[2], found[1], found[0]]
    assert traffic_of(frame(rows(found[0])))[0].window_start == T0 + W


def test_thresholds_are_settings() -> None:
    one = traffic(0, 95, 15, 5, 1)
    assert [f.rule for f in find(one, CLEAN, Thresholds(reject_rise=0.05))] == [REJECT_RATIO]
    assert [f.rule for f in find(one, CLEAN, Thresholds(scan_ports=5, scan_ports_per_source=5))] == [
        PORT_SCAN
    ]


@given(
    accepted=st.integers(0, 120),
    rejected=st.integers(0, 120),
    ports=st.integers(0, 120),
    sources=st.integers(0, 9),
    known=st.builds(baseline, st.integers(0, 30), st.integers(0, 30)),
)
def test_a_window_that_cannot_matter_is_calm(
    accepted: int, rejected: int, ports: int, sources: int, known: Baseline
) -> None:
    """What `is_notable` leaves out could neither fire a rule nor keep an alert from resolving."""
    one = traffic(0, accepted, rejected, ports, sources)
    if one.flows and not one.is_notable():
        calm = Thresholds()
        assert find(one, known) == []
        assert all(value < calm.resolve_below(rule, known) for rule, value in measure(one, known).items())
