"""What the final windows of one ENI say: two detectors, each a pure function of one window's rows.

`find` says which rules this window breaks; `measure` gives the number behind each rule whether broken or
not, so that an alert's life can tell "over the threshold", "not yet calm" and "calm". Neither remembers
anything: hold times and hysteresis belong to `lives`.

Rows are those of one (ENI, window), one for each action. `NODATA` and `SKIPDATA` rows are facts about the
log (flow-logs.md 1.6) and count for nothing here. Rows of a format without `action` cannot be judged, and
are not. A flow log of rejected traffic only looks like an ENI that rejects everything: one window cannot
tell the two apart, so whoever feeds such a log must expect `reject_ratio`, or leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from streams.records import Final

PORT_SCAN = "port_scan"
REJECT_RATIO = "reject_ratio"
SEVERITY = {PORT_SCAN: "warning", REJECT_RATIO: "warning"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where each rule breaks, and how far below it must come back."""

    # dashboard.md 6: 20 % of at least 50 flows. Below 50 flows, ten closing-noise rejects would be an alert.
    reject_ratio: float = 0.20
    reject_min_flows: int = 50
    # dashboard.md 6, `port_sweep`: 50 ports in a window; Elastic's rule has 50 in a minute too, Zeek's and
    # Sumo's 15 to 25 count failures of one pair (peers-and-detectors.md 6, D2), which a window cannot see.
    scan_ports: int = 50
    # Many sources that each miss a port or two (closing noise of a busy server) are not a scan [judge].
    scan_ports_per_source: int = 10
    # dashboard.md 6: resolve below 80 % of the threshold.
    resolve_share: float = 0.8

    def of(self, rule: str) -> float:
        """Return the value at which `rule` breaks."""
        return float(self.scan_ports) if rule == PORT_SCAN else self.reject_ratio

    def resolve_below(self, rule: str) -> float:
        """Return the value below which `rule` is calm again."""
        # Rounded, or 0.2 * 0.8 would be a hair above the 0.16 that 16 flows of 100 give.
        return round(self.of(rule) * self.resolve_share, 9)


DEFAULTS = Thresholds()


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken by one window of one ENI. `window_start` is epoch seconds."""

    rule: str
    eni: str
    window_start: int
    window_s: int
    value: float
    threshold: float
    severity: str
    summary: str
    resolve_below: float


def find(rows: Sequence[Final], thresholds: Thresholds = DEFAULTS) -> list[Finding]:
    """Return the rules that this window breaks: one cause, one finding.

    A port scan explains the rejects of its window, so `reject_ratio` is not reported beside it.
    """
    traffic = _Traffic.of(rows)
    if traffic is None:
        return []
    ports, sources = traffic.ports, traffic.sources
    if ports >= thresholds.scan_ports and ports >= thresholds.scan_ports_per_source * sources:
        whom = "1 source" if sources == 1 else f"{sources} sources"
        text = f"about {ports} ports of {traffic.row.eni} tried by about {whom}, all rejected"
        return [_finding(PORT_SCAN, traffic, thresholds, text)]
    if traffic.flows >= thresholds.reject_min_flows and traffic.ratio >= thresholds.reject_ratio:
        text = f"{traffic.ratio:.0%} of the {traffic.flows} flows of {traffic.row.eni} rejected"
        return [_finding(REJECT_RATIO, traffic, thresholds, text)]
    return []


def measure(rows: Sequence[Final], thresholds: Thresholds = DEFAULTS) -> dict[str, float]:
    """Return each rule's value, whether broken or not; nothing when the window has no traffic to judge.

    A rule has two conditions, a value and a weight of evidence (flows, ports per source). Where the evidence
    is below `resolve_share` of what the rule asks for, the value is 0: too little to keep an alert alive.
    """
    traffic = _Traffic.of(rows)
    if traffic is None:
        return {}
    share = thresholds.resolve_share
    heavy = traffic.flows >= thresholds.reject_min_flows * share
    steep = traffic.ports >= thresholds.scan_ports_per_source * traffic.sources * share
    return {
        PORT_SCAN: float(traffic.ports) if steep else 0.0,
        REJECT_RATIO: traffic.ratio if heavy else 0.0,
    }


def evidence(finals: pl.DataFrame, thresholds: Thresholds = DEFAULTS) -> set[tuple[str, int]]:
    """Return the (ENI, window start) of a frame of finals (`texts.FINALS`) that `measure` may not call 0.

    Most windows have too few flows to prove anything; this tells them apart before objects are made.
    """
    flows: dict[tuple[str, int], int] = {}
    rejected, steep = set(), set()
    some = (finals[name].to_list() for name in ("eni", "window_start", "action", "flows", "distinct_ports"))
    for eni, start, action, count, ports in zip(*some, strict=True):
        key = eni, start
        flows[key] = flows.get(key, 0) + count
        if action == "REJECT":
            rejected.add(key)
            if ports >= thresholds.resolve_below(PORT_SCAN):
                steep.add(key)
    least = thresholds.reject_min_flows * thresholds.resolve_share
    return steep | {key for key in rejected if flows[key] >= least}


@dataclass(frozen=True, slots=True)
class _Traffic:
    row: Final
    flows: int
    ratio: float
    ports: int
    sources: int

    @classmethod
    def of(cls, rows: Sequence[Final]) -> _Traffic | None:
        # The newest revision of each action wins, whatever order the rows come in.
        by_action = {row.action: row for row in sorted(rows, key=lambda row: row.revision)}
        accept, reject = by_action.get("ACCEPT"), by_action.get("REJECT")
        accepts = accept.flows if accept else 0
        rejects = reject.flows if reject else 0
        row = reject or accept
        if row is None or accepts + rejects == 0:
            return None
        ports = reject.distinct_ports if reject else 0
        # Somebody sent the rejected flows, even where the format has no source to count.
        sources = max(1, reject.distinct_sources) if reject else 1
        return cls(row, accepts + rejects, rejects / (accepts + rejects), ports, sources)


def _finding(rule: str, traffic: _Traffic, thresholds: Thresholds, text: str) -> Finding:
    row = traffic.row
    return Finding(
        rule=rule,
        eni=row.eni,
        window_start=row.window_start,
        window_s=row.window_s,
        value=float(traffic.ports) if rule == PORT_SCAN else traffic.ratio,
        threshold=thresholds.of(rule),
        severity=SEVERITY[rule],
        summary=f"{text} in {row.window_s} s",
        resolve_below=thresholds.resolve_below(rule),
    )
