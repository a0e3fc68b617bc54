"""The input of a replay: a simulated load or a file, with the ledger for the comparison."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.formats.flowlog import BadFormat, log_format, missing_fields
from connectors.formats.json_records import line_shape
from emulator.ledger.from_file import AHEAD_S, FileLedger, field_count
from emulator.ledger.ledger import Ledger
from emulator.load import file, file_order
from emulator.load.line_batch import LineBatch
from emulator.load.simulated import Load, SimulatedLoad
from emulator.world.topology.presets import preset


class ReplayError(RuntimeError):
    """The replay cannot be run. The message states the reason and what to do."""


SHOWN_BYTES = 300
"""Bytes of a refused line that an error message shows."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The options of `vpcflow replay`. `rate` is in lines per second; None: unlimited."""

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
    kafka_security: str = "plaintext"
    inventory: bool | None = None
    """True to run `vpcflow inventory`, too; None: with a world."""
    final_after_s: int = 600
    """`VPCFLOW_LATENESS_S` of the workers: older windows become final."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The lines of a replay. A file's ledger is complete; a simulated load's is filled by the feed."""

    ledger: Ledger
    refused: int
    source: Iterable[LineBatch]
    line_format: str = "default"


def load(options: ReplayOptions) -> Loaded:
    """Prepare the lines of a replay. Raises `ReplayError` if a file cannot be read as flow logs."""
    if options.world:
        return Loaded(Ledger(), 0, ())
    if not options.path:
        wanted = Load(options.records, options.seed, end=int(time.time()))
        made = SimulatedLoad(wanted, preset(wanted.preset))
        return Loaded(Ledger(labels=made.labels), 0, made.batches())
    return _file(options.path, options.line_format)


def _file(path: str, line_format: str | None) -> Loaded:
    """Count a file. Raises `ReplayError` if it cannot be read, or if none of its lines is a flow-log line."""
    counted = FileLedger(latest=int(time.time()) + AHEAD_S)
    try:
        names, batches = file.read_lines(path, line_format)
        for batch in batches:
            counted.add(batch.lines, batch.names)
    except (BadFormat, OSError, EOFError, zlib.error) as error:
        raise ReplayError(f"{path} cannot be read as flow logs: {error}") from error
    ledger = counted.ledger()
    if not ledger.lines:
        raise ReplayError(_nothing_understood(path, counted))
    source = _file_batches(path, line_format, is_ordered=counted.disorder_s <= file_order.SPAN_S)
    return Loaded(ledger, counted.refused, source, log_format(names))


def _nothing_understood(path: str, counted: FileLedger) -> str:
    """Return the error message: the first refused line, its number of fields, and what to set."""
    if not counted.refused:
        return f"{path} has no lines of flow logs"
    names, line = counted.first_refused_names, counted.first_refused
    shown = line[:SHOWN_BYTES].decode(errors="replace") + ("…" if len(line) > SHOWN_BYTES else "")
    if line_shape(line[max(line.find(b"{"), 0) :]):
        return (
            f"{path}: none of its {counted.refused:,} lines is understood. The first is {shown!r}: it holds"
            " JSON, and a FILE has lines of text. Write the fields of each record in a line, below a header"
            " with their names, or put the JSON into a Kinesis stream: `connect kinesis` reads it"
        )
    fields, lacks = field_count(line, names), missing_fields(names)
    reason = f"and the format has {len(names)} ({' '.join(names)})"
    if lacks:
        reason = f"and {lacks}"
    elif fields == len(names):
        reason = "as the format has, but one is not a value of its field, or the time is implausible"
    return (
        f"{path}: none of its {counted.refused:,} lines is understood. The first is {shown!r}: it has "
        f"{fields} fields, {reason}. Set FORMAT= (--format) to the flow log's LogFormat, which "
        "`aws ec2 describe-flow-logs` shows, or add a header"
    )


def _file_batches(path: str, line_format: str | None, *, is_ordered: bool) -> Iterator[LineBatch]:
    names, batches = file.read_lines(path, line_format)
    first = 0
    for batch in batches if is_ordered else file_order.by_time(batches):
        yield from file_order.cut(file.batch_of(batch, first, names))
        first += len(batch.lines)
