"""Traffic of windows and baselines, as the detectors take them: builders for the tests of alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import polars as pl

from streams.alerts.baseline import WARM_UP_WINDOWS, Baseline
from streams.alerts.detectors import Traffic
from streams.records import Final
from streams.windows.aggregate_encoding import FINALS

ENI = "eni-0a1b2c3d4e5f60718"
T0 = 1_700_000_040
W = 60


def traffic(
    n: int,
    accepted: int,
    rejected: int = 0,
    ports: int = 0,
    sources: int = 0,
    *,
    eni: str = ENI,
    is_final: bool = True,
) -> Traffic:
    """Return the traffic of window `n`."""
    return Traffic(T0 + n * W, eni, W, accepted, rejected, ports, sources, is_final)


def baseline(accepted: int, rejected: int = 0, windows: int = WARM_UP_WINDOWS) -> Baseline:
    """Return the baseline after some windows that were all alike."""
    found = Baseline()
    for n in range(windows):
        found.learn(T0 - (windows - n) * W, accepted, rejected)
    return found


def rows(one: Traffic, revision: int = 1) -> list[Final]:
    """Return the rows of a window as `merge` sends them, with a NODATA row that says nothing."""
    counts = [
        ("ACCEPT", one.accepted, 0, 0),
        ("REJECT", one.rejected, one.ports, one.sources),
        ("NODATA", 1, 0, 0),
    ]
    return [
        Final(
            eni=one.eni,
            action=action,
            window_start=one.window_start,
            window_s=one.window_s,
            flows=flows,
            packets=flows,
            bytes=flows * 40,
            distinct_ports=ports,
            distinct_sources=sources,
            revision=revision,
            final=one.is_final,
        )
        for action, flows, ports, sources in counts
        if flows
    ]


def frame(found: Iterable[Final]) -> pl.DataFrame:
    """Return rows as a message of `finals` holds them."""
    return pl.DataFrame([asdict(row) for row in found], schema=FINALS)
