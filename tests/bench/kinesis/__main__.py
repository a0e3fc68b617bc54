"""`make bench-emulator` prints every figure beside its target, and adds all of them to `build/bench.json`.

    python -m tests.bench.kinesis [--quick]

Servers and clients share two cores. A peer that this machine cannot have is said and left out, with what was
to be compared with it; the exit status says whether a target of ours was missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console

from tests.bench.kinesis import costs
from tests.bench.kinesis.figures import Figure, at_least, at_most, show
from tests.bench.kinesis.rates import Rates
from tests.bench.kinesis.servers import PeerMissing, StartFailed, kinesalite, moto, ours
from tests.bench.results import merge
from tests.emulator import crowd

CORES = 2
OURS, PEERS = "emulator", {"kinesalite": kinesalite, "moto": moto}
RATE = "records a second"
# Of what is compared: its name, how a server does it, and how many times the fastest peer it is to be.
COMPARED: tuple[tuple[str, Callable[[Rates, float], float], float], ...] = (
    ("put_boto3", Rates.put_boto3, 2.5),
    ("get_boto3", Rates.get_boto3, 1.5),
    ("get_raw", Rates.get_raw, 10.0),
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How long everything is measured."""

    rounds: int = 3
    round_s: float = 2.0
    cpu_calls: int = 300
    memory_mb: int = 200
    crowd_s: float = 60.0


QUICK = Extent(rounds=1, round_s=1.0, cpu_calls=60, memory_mb=50, crowd_s=5.0)


def compared(console: Console, extent: Extent) -> Iterator[Figure]:
    """Measure what one client gets from us, and from our peers."""
    with ExitStack() as stack:
        rates = {OURS: Rates(stack.enter_context(ours()))}
        for name, peer in PEERS.items():
            try:
                rates[name] = Rates(stack.enter_context(peer()))
            except (PeerMissing, StartFailed) as missing:
                console.print(f"[yellow]without {name}:[/yellow] {missing}")
        for name, measure, target in COMPARED:
            best = dict.fromkeys(rates, 0.0)
            for _ in range(extent.rounds):
                for server, its in rates.items():
                    best[server] = max(best[server], measure(its, extent.round_s))
            peers = [Figure(f"{peer}_{name}", best[peer], RATE) for peer in PEERS if peer in best]
            yield from peers
            if peers:
                fastest = max(peers, key=lambda peer: peer.value)
                yield at_least(f"{OURS}_{name}", best[OURS], RATE, target, fastest)
            else:
                yield Figure(f"{OURS}_{name}", best[OURS], RATE)


def crowded(console: Console, extent: Extent) -> Iterator[Figure]:
    """Let twenty clients loose while shards are split and merged."""
    with ours() as server:
        account = crowd.run(server.url, extent.crowd_s)
        cpu_s = server.cpu_s
    for error, times in account.errors.items():
        console.print(f"[red]{times} ×[/red] {error}")
    yield Figure("emulator_crowd_records", account.records / extent.crowd_s, "records a second, 20 clients")
    yield Figure("emulator_crowd_cpu", cpu_s / extent.crowd_s, "CPU-seconds a second of the server")
    yield Figure("emulator_crowd_reshards", account.splits + account.merges, "splits and merges")
    for name, count, unit in (
        ("errors", account.errors.total(), "calls that failed"),
        ("missing", account.missing, "acknowledged records not read"),
        ("twice", account.twice, "records read twice"),
        ("out_of_order", account.out_of_order, "keys read out of order"),
    ):
        yield at_most(f"emulator_crowd_{name}", count, unit, 0)


def main() -> None:
    """Measure everything, one thing after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="half a minute, for a first look")
    parser.add_argument("--only", help="measure only the parts whose names begin so")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    console = Console(width=None if sys.stdout.isatty() else 140)
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "start": costs.start,
        "shards": costs.many_shards,
        "cpu": lambda: costs.cpu(extent.cpu_calls),
        "rates": lambda: compared(console, extent),
        "memory": lambda: costs.memory(extent.memory_mb),
        "crowd": lambda: crowded(console, extent),
    }
    figures: list[Figure] = []
    began = time.monotonic()
    for name, measure in parts.items():
        if name.startswith(options.only or ""):
            with console.status(name):
                figures += measure()
    show(console, figures, "emulator")
    merge({figure.name: figure.as_result() for figure in figures})
    missed = [figure.name for figure in figures if figure.is_missed]
    verdict = f"missed: {', '.join(missed)}" if missed else "nothing missed"
    console.print(f"{verdict}; took {time.monotonic() - began:.0f} s")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
