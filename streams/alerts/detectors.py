"""The detection rules: pure functions of one window of one interface and of the interface's baseline.

`find` returns the rules that a window breaches. `measure` returns the value of each rule, so that
`alert_states` can distinguish a breach, a value between the thresholds, and calm. Neither has state: hold
times belong to `alert_states`, and the baseline of an interface to `baseline`.

`port_scan` counts ports, and the count of a window only grows. It is therefore evaluated on open windows too.
`reject_ratio` compares a window with the baseline and is evaluated on final windows only.

`reject_ratio` has no single threshold for all interfaces: a public interface always rejects scans from the
internet, and on a quiet interface these are most of the flows. The rule fires if both the ratio and the
number of rejects leave the interface's own range, or if a small interface that usually accepts most of its
flows accepts none. It does not fire before the baseline is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from streams.alerts.baseline import Baseline, deviations

PORT_SCAN = "port_scan"
REJECT_RATIO = "reject_ratio"
SEVERITY = {PORT_SCAN: "warning", REJECT_RATIO: "warning"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of each rule, and the share of a threshold below which an alert resolves."""

    # 20 percentage points above the baseline ratio. At least 50 flows: otherwise ten rejects of closing
    # connections would raise an alert.
    reject_rise: float = 0.20
    reject_min_flows: int = 50
    # Six deviations: most inbound rejects are scans from the internet, which come in bursts.
    reject_deviations: float = 6.0
    # A small interface that accepts no flow any more: all of at least ten flows are rejected. If fewer than
    # five flows are usually accepted, three windows without any may be chance. Rejects must also rise by
    # three deviations, the common limit for outliers: otherwise a stopped server would raise an alert.
    full_min_flows: int = 10
    full_usual_accepted: float = 5.0
    full_deviations: float = 3.0
    # 50 ports in a window. Elastic's rule also uses 50 per minute; the 15 to 25 of Zeek and Sumo count the
    # failures of one address pair, which a window does not record.
    scan_ports: int = 50
    # Many sources that each try one or two ports (late packets of closed connections, internet scanners that
    # try one port of every address) are not a scan. Ten ports per source are. With more sources, two ports of
    # each are subtracted instead: otherwise noise of thirty sources would hide a scan of three hundred ports.
    scan_ports_per_source: int = 10
    noise_ports_per_source: int = 2
    # Hysteresis: an alert resolves below 80 % of its threshold.
    resolve_share: float = 0.8

    def scan_from(self, sources: Any) -> Any:
        """Return the number of distinct ports that are a scan by so many sources; a number or an array."""
        many = np.minimum(
            self.scan_ports_per_source * sources, self.scan_ports + self.noise_ports_per_source * sources
        )
        return np.maximum(many, self.scan_ports)

    def of(self, rule: str, baseline: Baseline | None) -> float:
        """Return the value at which an interface breaches `rule`."""
        if rule == PORT_SCAN:
            return float(self.scan_ports)
        return round((baseline.ratio if baseline else 0.0) + self.reject_rise, 4)

    def resolve_below(self, rule: str, baseline: Baseline | None) -> float:
        """Return the value below which `rule` is calm on an interface."""
        if rule == PORT_SCAN:
            return self.scan_ports * self.resolve_share
        return round((baseline.ratio if baseline else 0.0) + self.reject_rise * self.resolve_share, 4)


DEFAULTS = Thresholds()


class Traffic(NamedTuple):
    """The traffic of one window of one interface; `ports` and `sources` are those of rejected flows.

    Rows with NODATA and SKIPDATA, and rows of a format without `action`, are not counted.
    """

    window_start: int
    eni: str
    window_s: int
    accepted: int
    rejected: int
    ports: int
    sources: int
    is_final: bool

    @property
    def flows(self) -> int:
        """All flows."""
        return self.accepted + self.rejected

    @property
    def ratio(self) -> float:
        """The rejected share of the flows."""
        return self.rejected / self.flows

    def is_notable(self, thresholds: Thresholds = DEFAULTS) -> bool:
        """Return True if `measure` can return a value other than 0."""
        share = thresholds.resolve_share
        if self.ports >= thresholds.scan_ports * share:
            return True
        least = thresholds.reject_min_flows if self.accepted else thresholds.full_min_flows
        return self.rejected > 0 and self.flows >= least * share


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a window breaches: value, threshold, and a summary without the interface id."""

    rule: str
    value: float
    threshold: float
    summary: str


def traffic_of(finals: pl.DataFrame) -> list[Traffic]:
    """Return the traffic of each interface and window of a frame of `FINALS`, oldest window first.

    If an action has several rows, the newest revision counts. Windows without traffic are omitted.
    """
    rows: dict[tuple[int, str], dict[str, tuple[int, int, int, int]]] = {}
    about: dict[tuple[int, str], tuple[int, bool]] = {}
    names = "eni", "window_start", "action", "flows", "distinct_ports", "distinct_sources"
    columns = [finals[name].to_list() for name in (*names, "revision", "window_s", "final")]
    for eni, start, action, flows, ports, sources, revision, window_s, final in zip(*columns, strict=True):
        key = start, eni
        by_action = rows.setdefault(key, {})
        if action not in by_action or by_action[action][0] < revision:
            by_action[action] = revision, flows, ports, sources
        about[key] = window_s, final
    found = [_traffic(key, rows[key], *about[key]) for key in sorted(rows)]
    return [one for one in found if one.flows]


def find(traffic: Traffic, baseline: Baseline | None, thresholds: Thresholds = DEFAULTS) -> list[Finding]:
    """Return the rules that a window breaches, at most one for each cause.

    A port scan explains the rejects of its window, so `reject_ratio` is not reported with it.
    """
    if traffic.ports >= thresholds.scan_from(traffic.sources):
        sources = "1 source" if traffic.sources <= 1 else f"{traffic.sources} sources"
        text = f"about {traffic.ports} ports tried by about {sources}, all rejected"
        return [_finding(PORT_SCAN, float(traffic.ports), traffic, baseline, thresholds, text)]
    if not traffic.is_final or baseline is None or not baseline.is_known or not traffic.flows:
        return []
    if _breaks_ratio(traffic, baseline, thresholds, 1.0):
        what = "all" if not traffic.accepted else f"{traffic.ratio:.0%}"
        text = f"{what} of {traffic.flows} flows rejected, usually {baseline.ratio:.0%}"
        return [_finding(REJECT_RATIO, traffic.ratio, traffic, baseline, thresholds, text)]
    return []


def measure(
    traffic: Traffic, baseline: Baseline | None, thresholds: Thresholds = DEFAULTS
) -> Mapping[str, float]:
    """Return the value of each rule; for an open window, of the rules whose value only grows.

    A rule also has conditions on the amount of evidence. If the evidence is below `resolve_share` of a
    condition, the value is 0, which is too little to keep an alert active.
    """
    share = thresholds.resolve_share
    # The condition that the ports are not noise; the number of ports is the value itself.
    steep = traffic.ports >= share * min(
        thresholds.scan_ports_per_source * max(1, traffic.sources), thresholds.scan_from(traffic.sources)
    )
    values = {PORT_SCAN: float(traffic.ports) if steep else 0.0}
    if traffic.is_final:
        heavy = baseline is not None and _breaks_ratio(traffic, baseline, thresholds, share)
        values[REJECT_RATIO] = traffic.ratio if heavy else 0.0
    return values


def _breaks_ratio(traffic: Traffic, baseline: Baseline, thresholds: Thresholds, share: float) -> bool:
    """Return True if a window has `share` of the conditions of `reject_ratio` (1: it breaches the rule)."""
    # Rounded, because 0.2 * 0.8 is slightly above 0.16, the ratio of 16 flows in 100.
    if traffic.ratio < round(baseline.ratio + thresholds.reject_rise * share, 9):
        return False
    above = deviations(baseline, traffic.rejected)
    if traffic.flows >= thresholds.reject_min_flows * share and above >= thresholds.reject_deviations * share:
        return True
    return (
        not traffic.accepted
        and traffic.flows >= thresholds.full_min_flows * share
        and baseline.accepted >= thresholds.full_usual_accepted
        and above >= thresholds.full_deviations * share
    )


def _traffic(
    key: tuple[int, str], by_action: Mapping[str, tuple[int, int, int, int]], window_s: int, is_final: bool
) -> Traffic:
    accepted = by_action["ACCEPT"][1] if "ACCEPT" in by_action else 0
    _, rejected, ports, sources = by_action.get("REJECT", (0, 0, 0, 0))
    return Traffic(*key, window_s, accepted, rejected, ports, sources, is_final)


def _finding(
    rule: str, value: float, traffic: Traffic, baseline: Baseline | None, thresholds: Thresholds, text: str
) -> Finding:
    return Finding(rule, value, thresholds.of(rule, baseline), f"{text} in {traffic.window_s} s")
