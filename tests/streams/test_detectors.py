"""One window of one ENI in, the rules it breaks out: the boundaries, and what must not be judged."""

from __future__ import annotations

from dataclasses import asdict, replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO, Thresholds, evidence, find, measure
from streams.records import Final
from streams.texts import FINALS

ENI = "eni-0a1b2c3d4e5f60718"
START = 1_700_000_040


def row(action: str, flows: int, ports: int = 0, sources: int = 0, revision: int = 1) -> Final:
    """Build the final row of one action."""
    return Final(
        eni=ENI,
        action=action,
        window_start=START,
        window_s=60,
        flows=flows,
        packets=flows,
        bytes=flows * 40,
        distinct_ports=ports,
        distinct_sources=sources,
        revision=revision,
    )


def proven(*rows: Final) -> bool:
    """Whether `evidence` chooses any of these rows."""
    return bool(evidence(pl.DataFrame(list(map(asdict, rows)), schema=FINALS)))


@pytest.mark.parametrize(
    ("accepts", "rejects", "broken"),
    [
        (40, 10, True),  # exactly 20 % of exactly 50 flows
        (39, 10, False),  # one flow short
        (41, 10, False),  # 19.6 %
        (0, 50, True),  # nothing but rejects
        (50, 0, False),
        (4_000_000, 1_000_000, True),
        (4_000_001, 1_000_000, False),
    ],
)
def test_reject_ratio_breaks_at_its_threshold(accepts: int, rejects: int, broken: bool) -> None:
    """Both the share and the number of flows must be reached."""
    found = find([row("ACCEPT", accepts), row("REJECT", rejects)])
    assert [finding.rule for finding in found] == ([REJECT_RATIO] if broken else [])


@pytest.mark.parametrize(
    ("ports", "sources", "broken"),
    [
        (50, 1, True),
        (49, 1, False),
        (50, 5, True),  # exactly ten ports a source
        (50, 6, False),
        (1000, 100, True),
        (1000, 101, False),
        (50, 0, True),  # a format without a source: still somebody's
    ],
)
def test_port_scan_breaks_at_its_thresholds(ports: int, sources: int, broken: bool) -> None:
    """Many ports, and many of them for each source."""
    found = find([row("ACCEPT", 10_000), row("REJECT", ports, ports, sources)])
    assert [finding.rule for finding in found] == ([PORT_SCAN] if broken else [])


def test_a_scan_is_the_one_cause_of_its_rejects() -> None:
    """A window that breaks both rules has one finding, though both values are measured."""
    rows = [row("ACCEPT", 100), row("REJECT", 400, ports=400, sources=1)]
    (finding,) = find(rows)
    assert (finding.rule, finding.value, finding.threshold, finding.resolve_below) == (PORT_SCAN, 400, 50, 40)
    assert "400 ports" in finding.summary
    assert "1 source," in finding.summary
    assert measure(rows) == {PORT_SCAN: 400, REJECT_RATIO: 0.8}


def test_a_finding_says_where_and_when() -> None:
    """It carries the window, the numbers and a sentence."""
    (finding,) = find([row("ACCEPT", 75), row("REJECT", 25)])
    assert (finding.eni, finding.window_start, finding.window_s) == (ENI, START, 60)
    assert (finding.value, finding.threshold, finding.resolve_below) == (0.25, 0.2, 0.16)
    assert finding.summary == f"25% of the 100 flows of {ENI} rejected in 60 s"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("NODATA", 100)],
        [row("SKIPDATA", 100)],
        [row("NODATA", 1), row("SKIPDATA", 1)],
        [row("-", 100)],
        [row("ACCEPT", 0)],
    ],
)
def test_without_judgeable_traffic_nothing_is_said(rows: list[Final]) -> None:
    """Facts about the log, and rows without an action, are no traffic: not calm, but unknown."""
    assert find(rows) == []
    assert measure(rows) == {}


def test_log_facts_beside_traffic_change_nothing() -> None:
    """SKIPDATA in the same window neither raises nor lowers the ratio."""
    traffic = [row("ACCEPT", 40), row("REJECT", 10)]
    assert find([*traffic, row("SKIPDATA", 1000), row("-", 1000)]) == find(traffic)


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        (
            [row("ACCEPT", 30), row("REJECT", 10)],
            {PORT_SCAN: 0.0, REJECT_RATIO: 0.25},
        ),  # 40 flows: 80 % of 50
        ([row("ACCEPT", 29), row("REJECT", 10)], {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),  # too few to go on
        ([row("REJECT", 8, ports=8, sources=1)], {PORT_SCAN: 8.0, REJECT_RATIO: 0.0}),
        ([row("REJECT", 7, ports=7, sources=1)], {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
        ([row("ACCEPT", 500)], {PORT_SCAN: 0.0, REJECT_RATIO: 0.0}),
    ],
)
def test_measure_asks_for_evidence_too(rows: list[Final], values: dict[str, float]) -> None:
    """Too few flows, or ports spread over many sources, cannot keep an alert alive."""
    assert measure(rows) == values


def test_the_newest_revision_of_a_row_counts() -> None:
    """Old and new in one call, in any order, are one row."""
    old, new = row("REJECT", 500, revision=1), row("REJECT", 10, revision=2)
    assert find([row("ACCEPT", 490), new, old]) == find([row("ACCEPT", 490), old, new]) == []


def test_thresholds_are_settings() -> None:
    """Other numbers, other findings."""
    rows = [row("ACCEPT", 95), row("REJECT", 5, ports=5, sources=1)]
    assert [f.rule for f in find(rows, Thresholds(reject_ratio=0.05))] == [REJECT_RATIO]
    assert [f.rule for f in find(rows, Thresholds(scan_ports=5, scan_ports_per_source=5))] == [PORT_SCAN]


@given(
    accepts=st.integers(0, 120),
    rejects=st.integers(0, 120),
    ports=st.integers(0, 120),
    sources=st.integers(0, 9),
)
def test_a_window_without_evidence_is_calm(accepts: int, rejects: int, ports: int, sources: int) -> None:
    """What `evidence` leaves out could neither fire a rule nor keep an alert from resolving."""
    rows = [row("ACCEPT", accepts), row("REJECT", rejects, ports, sources)]
    if not proven(*rows):
        calm = Thresholds()
        assert find(rows) == []
        assert all(value < calm.resolve_below(rule) for rule, value in measure(rows).items())


def test_evidence_names_the_windows_that_may_break_a_rule() -> None:
    """A scan of a quiet interface, and a busy one that rejects; not a quiet one that rejects a little."""
    assert proven(row("REJECT", 60, 60, 1))
    assert proven(row("ACCEPT", 39), row("REJECT", 1))
    assert not proven(row("ACCEPT", 38), row("REJECT", 1))
    assert not proven(row("ACCEPT", 1000))


def test_evidence_keeps_windows_and_interfaces_apart() -> None:
    """Rows of another window, or of another interface, prove nothing about this one."""
    busy, other = row("ACCEPT", 1000), replace(row("REJECT", 1), eni="eni-00000000000000001")
    assert not proven(busy, other)
    assert not proven(busy, replace(row("REJECT", 1), window_start=START + 60))
