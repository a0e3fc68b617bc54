"""The conversion of reads of objects to the content of a transaction: lines, refusals, progress. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.commit.content import ChunkOrigin, Content, LineChunk, Refusal
from connectors.event_time import newest_start
from connectors.progress import NONE
from connectors.s3.keys import CommittedProgress, Object
from connectors.s3.text import Part

DONE, REFUSED, VANISHED, REPLACED = "done", "refused", "vanished", "replaced"


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """Some parts of an object and the progress after them.

    `outcome` is empty until the object has ended. `refused` is the reason and some of the bytes, if the
    object is broken after these parts.
    """

    object: Object
    parts: tuple[Part, ...]
    progress: CommittedProgress
    modified_ms: int
    outcome: str = ""
    refused: tuple[str, bytes] | None = None

    @property
    def size(self) -> int:
        """Return the bytes of lines."""
        return sum(len(part.text) for part in self.parts if not part.refused)

    @property
    def newest(self) -> int:
        """Return the newest `start` in a sample of the lines of each part, or `NONE`."""
        fit = (part for part in self.parts if not part.refused)
        found = (newest_start([(part.text, part.line_format, self.modified_ms)]) for part in fit)
        return max(found, default=NONE)

    @property
    def lines(self) -> int:
        """Return the number of lines."""
        return sum(part.lines for part in self.parts if not part.refused)


def content_of(reads: Iterable[ObjectRead]) -> Content:
    """Return what some reads of a slot's objects write."""
    content = Content()
    for read in reads:
        content.state[read.object.mark] = read.progress.encode()
        source, file = f"s3:{read.object.name}", read.object.file
        for part in read.parts:
            if part.refused:
                # Of a long line only the beginning is kept; the origin has its end.
                place = f"{source}@{part.first}-{part.last}"
                content.refusals.append(Refusal(part.refused, part.text, place))
            else:
                origin = ChunkOrigin(source, part.line_format, file.account, file.region)
                content.chunks.append(
                    LineChunk(part.text, origin, str(part.first), str(part.last), read.modified_ms)
                )
        if read.refused is not None:
            content.refusals.append(Refusal(*read.refused, source))
    return content
