"""The rules: two detectors, each a pure function of one window of one interface and of what is usual there.

`find` returns the rules that a window breaks. `measure` returns the value of each rule, so that `lives` can
tell "broken", "not calm yet" and "calm". Neither has state: hold times belong to `lives`, and the usual
traffic of an interface to `usual`.

`port_scan` counts ports, and a count only grows. So it is also judged on open windows. `reject_ratio`
compares a window with the interface's usual traffic, and is judged on final windows only.

`reject_ratio` does not have one threshold for all interfaces: a public interface always rejects the scans of
the internet, and for a quiet one they are most of its flows. It fires when the
ratio *and* the number of rejects leave the interface's own range, or when a small interface, most of whose
flows are usually accepted, accepts none. It does not fire before the usual traffic is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from streams.alerts.baseline import Usual, deviations

PORT_SCAN = "port_scan"
REJECT_RATIO = "reject_ratio"
SEVERITY = {PORT_SCAN: "warning", REJECT_RATIO: "warning"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where each rule breaks, and how far below it must come back."""

    # 20 points above the interface's usual ratio. At least 50 flows, or ten rejects of closing connections
    # would be an alert.
    reject_rise: float = 0.20
    reject_min_flows: int = 50
    # Six deviations: rejects on the way in are mostly scans of the internet, which come in bursts.
    reject_deviations: float = 6.0
    # A small interface that accepts nothing any more: all of at least ten flows (issue 14). Where fewer than
    # five flows are usually accepted, three windows without any are chance. Rejects must rise, or a server
    # that stops would be an alert; by three deviations, the usual limit of outliers.
    full_min_flows: int = 10
    full_usual_accepted: float = 5.0
    full_deviations: float = 3.0
    # 50 ports in a window. Elastic's rule has 50 in a minute too, Zeek's and
    # Sumo's 15 to 25 count failures of one pair, which a window cannot see.
    scan_ports: int = 50
    # Many sources that each miss a port or two (closing noise of a busy server, scanners of the internet that
    # try one port of every address) are not a scan [judge]. Ten ports a source are; with more sources, those
    # beyond two of each, or noise from thirty sources would hide a scan of three hundred ports.
    scan_ports_per_source: int = 10
    noise_ports_per_source: int = 2
    # An alert resolves below 80 % of its threshold, so that a value near the threshold does not flap.
    resolve_share: float = 0.8

    def scan_from(self, sources: Any) -> Any:
        """Return from how many ports on so many sources are a scan; a number, or an array of them."""
        many = np.minimum(
            self.scan_ports_per_source * sources, self.scan_ports + self.noise_ports_per_source * sources
        )
        return np.maximum(many, self.scan_ports)

    def of(self, rule: str, usual: Usual | None) -> float:
        """Return the value at which `rule` breaks on an interface."""
        if rule == PORT_SCAN:
            return float(self.scan_ports)
        return round((usual.ratio if usual else 0.0) + self.reject_rise, 4)

    def resolve_below(self, rule: str, usual: Usual | None) -> float:
        """Return the value below which `rule` is calm again on an interface."""
        if rule == PORT_SCAN:
            return self.scan_ports * self.resolve_share
        return round((usual.ratio if usual else 0.0) + self.reject_rise * self.resolve_share, 4)


DEFAULTS = Thresholds()


class Traffic(NamedTuple):
    """The traffic of one window of one interface; `ports` and `sources` are those of rejected flows.

    NODATA and SKIPDATA rows are facts about the log, and rows of a format without
    `action` cannot be judged: neither is counted here.
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

    def may_matter(self, thresholds: Thresholds = DEFAULTS) -> bool:
        """Whether `measure` may return a value other than 0."""
        share = thresholds.resolve_share
        if self.ports >= thresholds.scan_ports * share:
            return True
        least = thresholds.reject_min_flows if self.accepted else thresholds.full_min_flows
        return self.rejected > 0 and self.flows >= least * share


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a window breaks, the value and threshold, and a sentence without the interface's name."""

    rule: str
    value: float
    threshold: float
    summary: str


def traffic_of(finals: pl.DataFrame) -> list[Traffic]:
    """Return the traffic of each interface and window of a frame (`texts.FINALS`), oldest window first.

    Of several rows of one action, the newest revision counts. Windows without traffic are left out.
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


def find(traffic: Traffic, usual: Usual | None, thresholds: Thresholds = DEFAULTS) -> list[Finding]:
    """Return the rules that a window breaks: one cause, one finding.

    A port scan explains the rejects of its window, so `reject_ratio` is not reported beside it.
    """
    if traffic.ports >= thresholds.scan_from(traffic.sources):
        from_whom = "1 source" if traffic.sources <= 1 else f"{traffic.sources} sources"
        text = f"about {traffic.ports} ports tried by about {from_whom}, all rejected"
        return [_finding(PORT_SCAN, float(traffic.ports), traffic, usual, thresholds, text)]
    if not traffic.is_final or usual is None or not usual.is_known or not traffic.flows:
        return []
    if _breaks_ratio(traffic, usual, thresholds, 1.0):
        what = "all" if not traffic.accepted else f"{traffic.ratio:.0%}"
        text = f"{what} of {traffic.flows} flows rejected, usually {usual.ratio:.0%}"
        return [_finding(REJECT_RATIO, traffic.ratio, traffic, usual, thresholds, text)]
    return []


def measure(traffic: Traffic, usual: Usual | None, thresholds: Thresholds = DEFAULTS) -> Mapping[str, float]:
    """Return each rule's value, whether broken or not; of an open window only the rules that grow.

    A rule has a value and conditions on the weight of evidence. Where the evidence is below `resolve_share`
    of what the rule asks for, the value is 0: too little to keep an alert alive.
    """
    share = thresholds.resolve_share
    # What shows that the ports are not those of noise; the number of ports is the value itself.
    steep = traffic.ports >= share * min(
        thresholds.scan_ports_per_source * max(1, traffic.sources), thresholds.scan_from(traffic.sources)
    )
    values = {PORT_SCAN: float(traffic.ports) if steep else 0.0}
    if traffic.is_final:
        heavy = usual is not None and _breaks_ratio(traffic, usual, thresholds, share)
        values[REJECT_RATIO] = traffic.ratio if heavy else 0.0
    return values


def _breaks_ratio(traffic: Traffic, usual: Usual, thresholds: Thresholds, share: float) -> bool:
    """Whether a window has `share` of what `reject_ratio` asks for (1: it breaks the rule)."""
    # Rounded, or 0.2 * 0.8 would be a hair above the 0.16 that 16 flows of 100 give.
    if traffic.ratio < round(usual.ratio + thresholds.reject_rise * share, 9):
        return False
    above = deviations(usual, traffic.rejected)
    if traffic.flows >= thresholds.reject_min_flows * share and above >= thresholds.reject_deviations * share:
        return True
    return (
        not traffic.accepted
        and traffic.flows >= thresholds.full_min_flows * share
        and usual.accepted >= thresholds.full_usual_accepted
        and above >= thresholds.full_deviations * share
    )


def _traffic(
    key: tuple[int, str], by_action: Mapping[str, tuple[int, int, int, int]], window_s: int, is_final: bool
) -> Traffic:
    accepted = by_action["ACCEPT"][1] if "ACCEPT" in by_action else 0
    _, rejected, ports, sources = by_action.get("REJECT", (0, 0, 0, 0))
    return Traffic(*key, window_s, accepted, rejected, ports, sources, is_final)


def _finding(
    rule: str, value: float, traffic: Traffic, usual: Usual | None, thresholds: Thresholds, text: str
) -> Finding:
    return Finding(rule, value, thresholds.of(rule, usual), f"{text} in {traffic.window_s} s")
