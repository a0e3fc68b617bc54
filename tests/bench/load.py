"""The lines that every stage of the bench is given: a million, 2,000 ENIs, 900 s, from one seed."""

from __future__ import annotations

import time
from functools import lru_cache
from itertools import islice
from zlib import crc32

import polars as pl

from connectors.kafka.blocks import BlockWriter, ProgressReport, Provenance, Sent
from connectors.kafka.messages import Message
from connectors.progress import SlotProgress
from emulator.load.simulated import Load, SimulatedLoad
from emulator.world.topology.presets import preset
from tests import synthetic

LINES = 1_000_000
SEED = 7
LINES_A_BLOCK = 9_000  # about 1 MiB
LATER_S = 270
ESTATE_RECORDS = 24_000_000  # 40 minutes at the usual rate, of which only the first lines are made
END = 1_790_000_000


@lru_cache(maxsize=4)
def texts(lines: int = LINES, lines_a_block: int = LINES_A_BLOCK) -> tuple[bytes, ...]:
    """Return the load as blocks of text."""
    load = synthetic.Load(lines, SEED, span_s=900)
    return tuple(batch.text for batch in synthetic.batches(load, lines_a_block))


@lru_cache(maxsize=1)
def estate_texts(lines: int = LINES, lines_a_block: int = LINES_A_BLOCK) -> tuple[bytes, ...]:
    """Return the first lines of the traffic of `estate` at its usual rate, 590,000 lines a minute."""
    load = Load(ESTATE_RECORDS, SEED, END)
    batches = SimulatedLoad(load, preset(load.preset)).batches()
    found = (line for batch in batches for line in batch.text.split(b"\n"))
    chosen = list(islice(found, lines))
    return tuple(b"\n".join(chosen[at : at + lines_a_block]) for at in range(0, len(chosen), lines_a_block))


def block_messages(prefix: str, slots: int, lines: int = LINES) -> list[Message]:
    """Return the load as numbered messages on `blocks`, with progress as a connector reports it.

    An interface's lines are in one slot, as CloudWatch Logs delivers them: a subscription's `ByLogStream`
    distribution keeps a log stream, and so an interface, on one shard. At the end, each
    slot reports that all is read up to `LATER_S` after the load: 9 of the 15 windows become final.
    """
    writers = [BlockWriter(prefix, slot, Sent()) for slot in range(slots)]
    messages: list[Message] = []
    arrived_ms = int(time.time() * 1000)
    load = synthetic.Load(lines, SEED, span_s=900)
    for batch in synthetic.batches(load, LINES_A_BLOCK * slots):
        newest = int(batch.frame["start"].max())
        frame = batch.frame.select("eni", "line")
        targets = [crc32(str(eni).encode()) // 65_536 % slots for eni in frame["eni"].to_list()]
        parts = frame.with_columns(pl.Series("slot", targets)).partition_by("slot", as_dict=True)
        for (slot,), part in sorted(parts.items()):
            writer = writers[slot]
            writer.add(
                [text.encode() for text in part["line"].to_list()],
                Provenance("bench", "default", "", "", "", "", arrived_ms, arrived_ms),
            )
            messages.append(_reported(writer, newest))
    return messages + [_reported(writer, load.end + LATER_S, is_caught_up=True) for writer in writers]


def _reported(writer: BlockWriter, newest: int, *, is_caught_up: bool = False) -> Message:
    """Send progress with the last block, or with one of its own at the end; return the message."""
    if is_caught_up:
        writer.messages.clear()
    progress = SlotProgress(caught_up=1, caught_up_to=newest, newest=newest)
    writer.report(ProgressReport(progress, newest, is_caught_up))
    return writer.messages[-1]
