"""What a replay puts in: a synthetic load, or somebody's own file, with the ledger it is compared with."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.flowlog import BadFormat, log_format
from emulator.ledger import Ledger
from emulator.world import file, traffic
from emulator.world.traffic import Batch


class ReplayError(RuntimeError):
    """The replay cannot be run; the message says what to do."""


WORLD_SPAN_S = 6 * 3600
"""More simulated time than a replayed world is expected to last."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `vpcflow replay` was asked for; `rate` is lines a second, None for as fast as it goes."""

    records: int = 200_000
    rate: float | None = None
    shards: int = 4
    workers: int = 1
    payload: str = "cloudwatch"
    seed: int = 1
    path: str | None = None
    world: str | None = None
    busy: int = 100
    incidents: str = "all"
    source: str = "kinesis"
    line_format: str | None = None
    keep: bool = False
    external_endpoint: str | None = None
    port: int = 0
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is to be replayed: of a file the whole ledger, of a synthetic load one that feeding fills."""

    ledger: Ledger
    refused: int
    source: Iterable[Batch]
    span_s: int
    line_format: str = "default"


def load(options: Options) -> Loaded:
    """Prepare what is to be replayed. Raises `ReplayError` when a file cannot be read as flow logs."""
    if options.world:
        return Loaded(Ledger(), 0, (), WORLD_SPAN_S)
    if not options.path:
        made = synthetic(options)
        return Loaded(Ledger(labels=traffic.labels(made)), 0, traffic.batches(made), made.span_s)
    try:
        names, lines = file.read_lines(options.path, options.line_format)
        ledger, refused = file.ledger_of_lines((line for batch in lines for line in batch), names)
    except (BadFormat, OSError, EOFError) as error:
        raise ReplayError(f"{options.path} cannot be read as flow logs: {error}") from error
    starts = [window for _, _, window in ledger.totals()]
    span_s = max(starts, default=0) - min(starts, default=0)
    return Loaded(ledger, refused, _file_batches(options), span_s, log_format(names))


def _file_batches(options: Options) -> Iterator[Batch]:
    names, lines = file.read_lines(options.path or "", options.line_format)
    first = 0
    for batch in lines:
        yield file.batch_of(batch, names, first)
        first += len(batch)


_LOADED_AT = int(time.time())


def synthetic(options: Options) -> traffic.Load:
    """Return the synthetic load; it ends about now, so that the page looks as it does in real life."""
    span_s = traffic.Load(options.records, options.seed).span_s
    return traffic.Load(options.records, options.seed, start=(_LOADED_AT - span_s) // 60 * 60)
