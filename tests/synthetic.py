"""Synthetic lines for benches and for tests that need many of them: the same `Load` has the same bytes.

Faster and simpler than the simulation (`emulator.load.simulated`): 2,000 interfaces with traffic that means
nothing. Lines are made in chunks of a fixed size, each from its own generator, so that the size of a batch
changes nothing. The ledger is computed from the columns, never by parsing the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from emulator.load.line_batch import LineBatch

CHUNK_LINES = 65_536  # part of what a seed means: another size makes other lines
ACTIONS = pl.Enum(["ACCEPT", "REJECT", "NODATA", "SKIPDATA"])
ACCOUNT_ID = "123456789012"  # AWS's example account
NEW_YEAR_2026 = 1_767_225_600

NODATA_SHARE = 0.002
SKIPDATA_SHARE = 0.0001
LATE_SHARE = 0.05
LATE_MAX_S = 300
REJECT_SHARE_MAX = 0.05  # every 20th flow: at most 3 in 50, still well under 10 %
ZIPF_EXPONENT = 0.9
SPAN_MIN_S, SPAN_MAX_S = 2400, 3600

_PEERS = 4096
_PEERS_PER_ENI = 16
_IPV6_EVERY = 32  # every 32nd peer; such peers serve 443, so no ICMPv6 is needed
_PROBED_PORTS = np.array([22, 23, 25, 445, 1433, 3306, 3389, 5900, 6379, 8080, 8443, 9200], np.uint16)
# Web, databases, SSH, then DNS and NTP (17), then ping (1), which has no ports.
_SERVICE_PORT = np.array([443] * 7 + [80] * 2 + [5432, 6379, 9092, 22, 53, 123, 0], np.uint16)
_SERVICE_PROTOCOL = np.array([6] * 13 + [17] * 2 + [1], np.uint8)

_Array = np.ndarray[tuple[int], np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Load:
    """A bounded load of `records` lines over `span_s` simulated seconds from `start` (epoch seconds).

    A `span_s` of 0 is replaced by one that grows with the load, 600 s for each million lines, between
    `SPAN_MIN_S` and `SPAN_MAX_S`. Late lines at its very beginning lie up to five minutes before `start`.
    Raises `ValueError` when a load cannot be made.
    """

    records: int
    seed: int
    enis: int = 2000
    span_s: int = 0
    start: int = NEW_YEAR_2026
    reject_share: float = 0.02

    def __post_init__(self) -> None:
        if self.records < 0 or self.seed < 0 or self.enis < 1 or self.span_s < 0:
            raise ValueError("a load needs records, a seed and a span of at least 0, and an interface")
        if not 0 <= self.reject_share <= REJECT_SHARE_MAX:
            raise ValueError(f"reject_share is between 0 and {REJECT_SHARE_MAX}: more looks like an incident")
        if not self.span_s:
            object.__setattr__(
                self, "span_s", min(SPAN_MAX_S, max(SPAN_MIN_S, self.records * 600 // 1_000_000))
            )

    @property
    def end(self) -> int:
        """The first second after the load; every line's `start` is before it."""
        return self.start + self.span_s


def batches(load: Load, batch_lines: int = CHUNK_LINES) -> Iterator[LineBatch]:
    """Yield the lines of a load in the order they are sent, at most `batch_lines` at a time."""
    first = 0
    for frame in _chunks(load):
        for at in range(0, frame.height, batch_lines):
            part = frame.slice(at, batch_lines)
            yield LineBatch(first, part)
            first += part.height


def eni_ids(load: Load) -> tuple[str, ...]:
    """Return the interfaces of a load, the busiest first."""
    return _world(load.enis, load.seed).ids


@dataclass(frozen=True, slots=True)
class _World:
    """Who exists: interfaces in order of traffic, and every address (see `_world` for the order)."""

    ids: tuple[str, ...]
    heads: pl.Series
    addresses: pl.Series
    shares: _Array
    cumulative: _Array
    enum: pl.Enum


@lru_cache(maxsize=4)
def _world(enis: int, seed: int) -> _World:
    """Draw the world. Addresses: the interfaces' IPv4, their IPv6, then the peers."""
    rng = np.random.Generator(np.random.PCG64([seed, 0xE21]))
    ids = [f"eni-0{n:016x}" for n in rng.integers(0, 2**64, enis, np.uint64).tolist()]
    v4 = [f"10.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}" for i in range(enis)]
    v6 = [f"2600:1f18:{i >> 16:x}:{i & 65535:x}::a" for i in range(enis)]
    peers = [_peer(i, host) for i, host in enumerate(rng.integers(0, 2**24, _PEERS).tolist())]
    weights = np.arange(1, enis + 1, dtype=np.float64) ** -ZIPF_EXPONENT
    shares = weights / weights.sum()
    return _World(
        ids=tuple(ids),
        heads=pl.Series("head", [f"2 {ACCOUNT_ID} {eni}" for eni in ids], dtype=pl.String),
        addresses=pl.Series("address", v4 + v6 + peers, dtype=pl.String),
        shares=shares,
        cumulative=np.cumsum(shares)[:-1],
        enum=pl.Enum(ids),
    )


def _peer(index: int, host: int) -> str:
    """Return a peer's address: a few are IPv6, of the others half are in the VPC and half public."""
    if index % _IPV6_EVERY == 0:
        return f"2a05:d018:{host >> 8:x}::{(host & 255) + 1:x}"
    network = 10 if index % 2 else 52 + index % 8
    return f"{network}.{host >> 16 & 31}.{host >> 8 & 255}.{host & 255}"


def _chunks(load: Load) -> Iterator[pl.DataFrame]:
    """Yield the load's columns chunk by chunk."""
    world = _world(load.enis, load.seed)
    rejects = _Rejects(load)
    for chunk, first in enumerate(range(0, load.records, CHUNK_LINES)):
        at = np.arange(first, min(first + CHUNK_LINES, load.records), dtype=np.int64)
        rng = np.random.Generator(np.random.PCG64([load.seed, 0x7AF, chunk]))
        time = load.start + at * load.span_s // load.records
        parts = _ordinary(rng, world, time, at, rejects)
        yield pl.concat(parts).sort("at", maintain_order=True).drop("at")


class _Rejects:
    """Says which flows are rejected: every n-th of an interface, counted over the whole load."""

    def __init__(self, load: Load) -> None:
        self._every = round(1 / load.reject_share) if load.reject_share else 0
        rng = np.random.Generator(np.random.PCG64([load.seed, 0x4E]))
        self._seen = rng.integers(0, max(self._every, 1), load.enis)

    def choose(self, eni: _Array) -> _Array:
        """Return a mask over flows given in order of event time, and count them."""
        if not self._every:
            return np.zeros(len(eni), np.bool_)
        counts = np.bincount(eni, minlength=len(self._seen))
        # NumPy sorts 16-bit numbers by radix, several times faster.
        order = np.argsort(eni.astype(np.uint16) if len(counts) <= 1 << 16 else eni, kind="stable")
        place = np.arange(len(eni)) + np.repeat(self._seen - (np.cumsum(counts) - counts), counts)
        mask = np.empty(len(eni), np.bool_)
        mask[order] = place % self._every == 0
        self._seen = (self._seen + counts) % self._every
        return mask


def _ordinary(
    rng: np.random.Generator, world: _World, time: _Array, at: _Array, rejects: _Rejects
) -> list[pl.DataFrame]:
    """Return the ordinary lines of one chunk: flows, and what the log says about itself."""
    count = len(at)
    eni = np.searchsorted(world.cumulative, rng.random(count), side="right").astype(np.uint32)
    kind = rng.random(count, np.float32)
    is_log = kind < NODATA_SHARE + SKIPDATA_SHARE
    is_late = kind >= 1 - LATE_SHARE  # never a log line, never rejected: see the module's promise
    start = time - np.where(is_late, rng.integers(1, LATE_MAX_S + 1, count, np.int64), 0)
    reject, in_order = np.zeros(count, np.bool_), ~(is_log | is_late)
    reject[in_order] = rejects.choose(eni[in_order])
    flows = _flows(rng, world, eni, reject)
    flows |= {"at": at, "start": start, "end": start + rng.integers(0, 60, count, np.int64), "reject": reject}
    log = pl.DataFrame({"at": at, "eni": eni, "start": time, "end": time + 59, "skip": kind < SKIPDATA_SHARE})
    return [_flow_lines(world, pl.DataFrame(flows).filter(~is_log)), _log_lines(world, log.filter(is_log))]


def _flows(rng: np.random.Generator, world: _World, eni: _Array, reject: _Array) -> dict[str, Any]:
    """Draw who talks to whom, and how much. A rejected flow is one probe from outside."""
    count, enis = len(eni), len(world.ids)
    peer = (eni.astype(np.int64) * 31 + rng.integers(0, _PEERS_PER_ENI, count, np.uint8)) % _PEERS
    service = peer % len(_SERVICE_PORT)
    protocol = np.where(reject, 6, _SERVICE_PROTOCOL[service]).astype(np.uint8)
    port = np.where(reject, _PROBED_PORTS[rng.integers(0, len(_PROBED_PORTS), count)], _SERVICE_PORT[service])
    client = np.where(protocol == 1, 0, rng.integers(1024, 65_536, count, np.uint16)).astype(np.uint16)
    own, other = np.where(peer % _IPV6_EVERY == 0, enis, 0) + eni, peer + 2 * enis
    is_egress = (rng.integers(0, 2, count, np.uint8) == 1) & ~reject
    answers = ~is_egress & ~reject  # the interface is the client of its peers' services
    packets = np.where(reject, 1, 1 + (rng.standard_exponential(count, np.float32) * 12).astype(np.int64))
    size = np.where(reject, rng.choice(np.array([40, 44]), count), rng.integers(52, 1_400, count, np.int64))
    return {
        "eni": eni,
        "src": world.addresses.gather(np.where(is_egress, own, other)),
        "dst": world.addresses.gather(np.where(is_egress, other, own)),
        "srcport": np.where(answers, port, client),
        "dstport": np.where(answers, client, port),
        "protocol": protocol,
        "packets": packets,
        "bytes": packets * size,
    }


def _flow_lines(world: _World, rows: pl.DataFrame) -> pl.DataFrame:
    """Write `OK` lines in the default format."""
    numbers = ["srcport", "dstport", "protocol", "packets", "bytes", "start", "end"]
    action = pl.when("reject").then(pl.lit("REJECT")).otherwise(pl.lit("ACCEPT"))
    head = world.heads.gather(rows["eni"])
    line = pl.concat_str([head, "src", "dst", *numbers, action, pl.lit("OK")], separator=" ")
    ends = {"srcaddr": pl.col("src"), "dstaddr": pl.col("dst")} | {
        name: pl.col(name).cast(pl.Int64) for name in ("srcport", "dstport", "protocol")
    }
    return rows.select(line=line, action=action.cast(ACTIONS), **_shared(world), **ends)


def _log_lines(world: _World, rows: pl.DataFrame) -> pl.DataFrame:
    """Write `NODATA` and `SKIPDATA` lines: nothing is known but the interface and the times."""
    status = pl.when("skip").then(pl.lit("SKIPDATA")).otherwise(pl.lit("NODATA"))
    head = world.heads.gather(rows["eni"])
    line = pl.concat_str([head, pl.lit("- - - - - - -"), "start", "end", pl.lit("-"), status], separator=" ")
    rows = rows.with_columns(packets=pl.lit(0, pl.Int64), bytes=pl.lit(0, pl.Int64))
    absent = {name: pl.lit(None, pl.String) for name in ("srcaddr", "dstaddr")} | {
        name: pl.lit(None, pl.Int64) for name in ("srcport", "dstport", "protocol")
    }
    return rows.select(line=line, action=status.cast(ACTIONS), **_shared(world), **absent)


def _shared(world: _World) -> dict[str, pl.Expr]:
    """Return the columns that every kind of line has, as `Batch` names them, and the place in the load."""
    kept = {name: pl.col(name) for name in ("at", "packets", "bytes", "start", "end")}
    return kept | {"eni": pl.col("eni").cast(world.enum)}
