"""The state of windows in Kafka: checkpoints of windows, and the partials since then. Pure.

A flush writes the partials that it merged as they came (key `d<flush>|<part>`), so its cost follows the new
rows. When a window becomes final, or many flushes are stored, its totals (`w<window>|<part>`) and its
conversations (`c<window>|<part>`) are written as a whole: a checkpoint. A flush is deleted when each window
in it has a later checkpoint or is expired. Every value is below 1 MiB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

Changes = dict[bytes, bytes | None]
"""State messages by key; None deletes the key."""

POSITION_KEY = b"place"  # part of the state format
PART_BYTES = 1_000_000
FLUSHES, TOTALS, CONVERSATIONS = b"d", b"w", b"c"


def parts(kind: bytes, number: int, values: list[bytes]) -> dict[bytes, bytes]:
    """Return values by key."""
    return {b"%s%d|%d" % (kind, number, part): value for part, value in enumerate(values)}


def pieces(value: bytes) -> list[bytes]:
    """Cut a value into pieces below 1 MiB; b"" has none."""
    return [value[at : at + PART_BYTES] for at in range(0, len(value), PART_BYTES)]


def stored(state: Mapping[bytes, bytes], kind: bytes) -> dict[int, list[bytes]]:
    """Return the values of one kind by number, each in the order of its parts."""
    found: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
    for key, value in state.items():
        if key[:1] == kind and b"|" in key:
            number, part = key[1:].split(b"|")
            found[int(number)][int(part)] = value
    return {number: [values[part] for part in sorted(values)] for number, values in sorted(found.items())}


@dataclass(slots=True)
class Stored:
    """The keys in the state topic, and the flush of the last checkpoint of each window."""

    covered: dict[int, int] = field(default_factory=dict)
    """By window: the last flush whose rows are in its checkpoint."""
    _windows: dict[int, set[int]] = field(default_factory=dict)
    """By stored flush: the windows that still need it."""
    _sizes: dict[int, int] = field(default_factory=dict)
    """By stored flush: the number of its parts."""
    _parts: dict[tuple[bytes, int], int] = field(default_factory=dict)
    """By kind and window: the number of parts of its checkpoint."""

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], covered: Mapping[int, int]) -> Stored:
        """Return the keys of a state, with no stored flush."""
        found = cls(dict(covered))
        for kind in (TOTALS, CONVERSATIONS):
            found._parts |= {(kind, window): len(values) for window, values in stored(state, kind).items()}
        return found

    @property
    def flushes(self) -> int:
        """The number of stored flushes."""
        return len(self._windows)

    @property
    def uncovered(self) -> set[int]:
        """The windows with rows in stored flushes."""
        return set().union(*self._windows.values())

    def add_flush(self, flush: int, windows: Collection[int], size: int) -> None:
        """Record a stored flush of `size` parts and the windows that need it."""
        self._windows[flush], self._sizes[flush] = set(windows), size

    def checkpoint(self, flush: int, window: int, kind: bytes, values: list[bytes]) -> Changes:
        """Return the messages of a checkpoint that includes `flush`; they delete its former parts."""
        before = self._parts.get((kind, window), 0)
        self._parts[kind, window] = len(values)
        self.covered[window] = flush
        changes: Changes = dict(parts(kind, window, values))
        return changes | {b"%s%d|%d" % (kind, window, part): None for part in range(len(values), before)}

    def drop(self, window: int) -> Changes:
        """Return the messages that delete a window."""
        self.covered.pop(window, None)
        changes: Changes = {}
        for kind in (TOTALS, CONVERSATIONS):
            for part in range(self._parts.pop((kind, window), 0)):
                changes[b"%s%d|%d" % (kind, window, part)] = None
        return changes

    def delete_flushes(self, live: Collection[int]) -> Changes:
        """Return the messages that delete the flushes that no window needs any more."""
        changes: Changes = {}
        for flush, windows in list(self._windows.items()):
            windows -= {w for w in windows if w not in live or self.covered.get(w, -1) >= flush}
            if not windows:
                del self._windows[flush]
                changes |= {b"d%d|%d" % (flush, part): None for part in range(self._sizes.pop(flush))}
        return changes

    def missing_from(self, window: int) -> int:
        """Return the first flush that is not in the checkpoint of a window."""
        return self.covered.get(window, -1) + 1


def every_flush(state: Mapping[bytes, bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the stored flushes in order: the number and the packed partials."""
    for flush, values in stored(state, FLUSHES).items():
        yield flush, b"".join(values)
