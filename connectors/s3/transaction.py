"""From what was read of objects to what one transaction writes. Pure.

Blocks never mix objects, so that a block's account, Region, first and last position mean something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from connectors.event_time import SAMPLES_MAX, newest_start
from connectors.kafka import blocks
from connectors.kafka.blocks import BlockWriter, Provenance, Report, Sent
from connectors.kafka.commit import Commit
from connectors.kafka.dead import dead_message
from connectors.kafka.messages import Message
from connectors.s3.keys import Object, Progress
from connectors.s3.text import Part

DONE, REFUSED, VANISHED, REPLACED = "done", "refused", "vanished", "replaced"


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """Some parts of an object and the progress after them; at its end, how it ended.

    `refused` is the reason and some bytes, when the object is broken behind these parts.
    """

    object: Object
    parts: tuple[Part, ...]
    progress: Progress
    modified_ms: int
    outcome: str = ""
    refused: tuple[str, bytes] | None = None

    @property
    def size(self) -> int:
        """How many bytes of lines there are."""
        return sum(len(part.text) for part in self.parts if not part.refused)

    @property
    def newest(self) -> int:
        """The newest `start` of a sample of the lines. Lines of an object are in no order."""
        fit = [part for part in self.parts if not part.refused]
        return newest_start(
            (line, part.line_format, self.modified_ms) for part in fit for line in sample(part.text)
        )

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return sum(part.lines for part in self.parts if not part.refused)


def sample(text: bytes) -> list[bytes]:
    """Return some lines from all over a text; the last one is always among them."""
    found = []
    for nth in range(SAMPLES_MAX):
        end = len(text) if not nth else text.find(b"\n", nth * len(text) // SAMPLES_MAX)
        if end > 0:
            found.append(text[text.rfind(b"\n", 0, end) + 1 : end])
    return found


def transaction(
    reads: Sequence[ObjectRead], slot: int, sent: Sent, prefix: str, report: Report | None = None
) -> Commit:
    """Return the transaction for some reads of a slot's objects; `sent` is what the slot has sent before."""
    refused: list[Message] = []
    state: dict[bytes, bytes | None] = {}
    writer = BlockWriter(prefix, slot, sent)
    for read in reads:
        state[read.object.mark] = read.progress.encode()
        refused += _dead(read, slot, prefix)
        fit = [part for part in read.parts if not part.refused]
        for line_format, of_one in groupby(fit, lambda part: part.line_format):
            parts = list(of_one)
            for group in blocks.join([part.text for part in parts]):
                chosen = [parts[i] for i in group]
                writer.add([part.text for part in chosen], _where(read, line_format, chosen))
    if report is not None:
        writer.report(report)
    return Commit(state | writer.state, [*writer.messages, *refused], writer.sent)


def _where(read: ObjectRead, line_format: str, parts: list[Part]) -> Provenance:
    file = read.object.file
    return Provenance(
        source=f"s3:{read.object.name}",
        line_format=line_format,
        account=file.account,
        region=file.region,
        first_position=str(parts[0].first),
        last_position=str(parts[-1].last),
        arrival_ms=read.modified_ms,
        newest_arrival_ms=read.modified_ms,
    )


def _dead(read: ObjectRead, slot: int, prefix: str) -> list[Message]:
    origin = f"s3:{read.object.name}"
    refused = [
        # What is kept of a long line is its beginning: where it ends is in the origin.
        dead_message(prefix, slot, part.refused, part.text, 1, f"{origin}@{part.first}-{part.last}")
        for part in read.parts
        if part.refused
    ]
    if read.refused is not None:
        refused.append(dead_message(prefix, slot, *read.refused, 1, origin))
    return refused
