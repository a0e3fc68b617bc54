"""The lines that every stage of the bench is given: a million, 2,000 ENIs, 600 s, from one seed."""

from __future__ import annotations

from functools import lru_cache

from connectors import blocks
from connectors.blocks import Provenance
from connectors.messages import Message
from emulator.world import traffic

LINES = 1_000_000
SEED = 7
LINES_A_BLOCK = 9_000  # about 1 MiB


@lru_cache(maxsize=4)
def texts(lines: int = LINES, lines_a_block: int = LINES_A_BLOCK) -> tuple[bytes, ...]:
    """Return the load as blocks of text."""
    load = traffic.Load(lines, SEED, span_s=900)
    return tuple(batch.text for batch in traffic.batches(load, lines_a_block))


def block_messages(prefix: str, slots: int, lines: int = LINES) -> list[Message]:
    """Return the load as numbered messages on `blocks`, spread over the slots."""
    numbers = [-1] * slots
    messages = []
    for index, text in enumerate(texts(lines)):
        slot = index % slots
        numbers[slot] += 1
        where = Provenance("bench", "default", "", "", "", "", 0)
        headers = blocks.headers(numbers[slot], where)
        messages.append(Message(f"{prefix}blocks", slot, None, text, headers))
    return messages
