"""Planted incidents: a port scan and a misconfigured group, with the labels a detector has to find.

Both lie about the middle of the load's span and are rows like any other: they pass the same writer and land
in the same ledger. The rejects begin late enough for a detector to know what is usual. The scan hits the
busiest interface, so that a detector must see it through real traffic; the rejects hit a middling one, scaled
to its own traffic, so that 70 % of its flows are rejected whatever the size of the load. Ordinary traffic
stays far below both (see `traffic`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from emulator.ledger.labels import PORT_SCAN, REJECT_RATIO, Label

WINDOW_S = 60
SCAN_PORTS = 300  # detectors call 20 to 50 ports a scan, so this is one by any rule
REJECT_WINDOWS = 4
REJECT_SHARE = 0.7
REJECT_PORT = 5432
REJECT_SOURCES = 200
MIN_FLOWS = 120  # a window, on a load so small that the interface has next to no traffic of its own
QUIET_WINDOWS = 13  # before the rejects: ten windows of warm-up, and some without traffic
USUAL_FLOWS = 10  # a window, of the interface that rejects, at least if there is one
MIN_SPAN_S = 1800  # the rejects end more than ten minutes, the default lateness, before the load does


@dataclass(frozen=True, slots=True)
class Victim:
    """An interface that an incident happens to; `flows` is its expected ordinary flows in one window."""

    index: int
    eni: str
    address: str
    flows: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when to plant: when the load begins and its middle (epoch seconds), and the two victims."""

    seed: int
    start: int
    middle: int
    scanned: Victim
    misconfigured: Victim


@dataclass(frozen=True, slots=True)
class Planted:
    """The rows of the incidents, ordered by `start`, and their labels."""

    rows: pl.DataFrame
    labels: tuple[Label, ...]


def plant(scene: Scene) -> Planted:
    """Return the incidents of a scene; the same scene gives the same rows."""
    rng = np.random.Generator(np.random.PCG64([scene.seed, 0x5CA4]))
    middle = scene.middle // WINDOW_S * WINDOW_S
    scan_at = middle - 3 * WINDOW_S
    reject_at = max(middle, scene.start // WINDOW_S * WINDOW_S + QUIET_WINDOWS * WINDOW_S)
    rows = [_scan(rng, scene.scanned, scan_at)]
    rows += [_rejects(rng, scene.misconfigured, reject_at + i * WINDOW_S) for i in range(REJECT_WINDOWS)]
    labels = (
        Label(PORT_SCAN, scene.scanned.eni, scan_at, scan_at + WINDOW_S),
        Label(REJECT_RATIO, scene.misconfigured.eni, reject_at, reject_at + REJECT_WINDOWS * WINDOW_S),
    )
    return Planted(pl.concat(rows).sort("start", maintain_order=True), labels)


def _scan(rng: np.random.Generator, victim: Victim, window: int) -> pl.DataFrame:
    """One source, one interface, each port once: a SYN of 40 to 44 bytes, as a stealth scan sends."""
    ports = rng.choice(np.arange(1, 10_000), SCAN_PORTS, replace=False)
    starts = window + np.sort(rng.integers(5, WINDOW_S - 5, SCAN_PORTS))
    source = np.full(SCAN_PORTS, "198.51.100.77")
    return _syns(rng, victim, source, ports, starts, np.ones(SCAN_PORTS, np.bool_))


def _rejects(rng: np.random.Generator, victim: Victim, window: int) -> pl.DataFrame:
    """A group that lost a rule: many clients keep trying one port; what the other rules allow goes on."""
    rejected = max(round(MIN_FLOWS * REJECT_SHARE), round(victim.flows * REJECT_SHARE / (1 - REJECT_SHARE)))
    accepted = max(0, round(MIN_FLOWS * (1 - REJECT_SHARE) - victim.flows))
    count = rejected + accepted
    is_reject = rng.permutation(np.arange(count) < rejected)
    sources = np.array([f"10.200.{i >> 4}.{i & 15}" for i in range(REJECT_SOURCES)])
    ports = np.where(is_reject, REJECT_PORT, 443)
    starts = window + np.sort(rng.integers(0, WINDOW_S, count))
    return _syns(rng, victim, sources[rng.integers(0, REJECT_SOURCES, count)], ports, starts, is_reject)


def _syns(
    rng: np.random.Generator,
    victim: Victim,
    sources: np.ndarray[tuple[int], np.dtype[np.str_]],
    ports: np.ndarray[tuple[int], np.dtype[np.int64]],
    starts: np.ndarray[tuple[int], np.dtype[np.int64]],
    is_reject: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> pl.DataFrame:
    count = len(starts)
    return pl.DataFrame(
        {
            "eni": np.full(count, victim.index, np.uint32),
            "src": pl.Series(sources.tolist(), dtype=pl.String),
            "dst": pl.Series([victim.address] * count, dtype=pl.String),
            "srcport": rng.integers(32_768, 61_000, count, np.uint16),
            "dstport": ports.astype(np.uint16),
            "protocol": np.full(count, 6, np.uint8),
            "packets": np.ones(count, np.int64),
            "bytes": rng.choice(np.array([40, 44], np.int64), count),
            "start": starts.astype(np.int64),
            "end": starts.astype(np.int64),
            "reject": is_reject,
        }
    )
