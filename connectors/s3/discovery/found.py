"""The objects that one listing has found; the oldest are queued first. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.progress import NONE
from connectors.s3.discovery.exports import Exports
from connectors.s3.keys import Object


@dataclass(slots=True)
class NewObjects:
    """The unknown objects of a listing, at most `most`.

    `newest` is the newest beginning of any flow-log file in the listing. `written` has the time
    of the newest file of each export task. `left_from` has, by slot, the beginning of the oldest object that
    is left for the next listing.
    """

    most: int
    newest: int = NONE
    written: dict[str, int] = field(default_factory=dict)
    left_from: dict[int, int] = field(default_factory=dict)
    _objects: list[tuple[Object, int]] = field(default_factory=list)

    def saw(self, one: Object, exports: Exports | None) -> None:
        """Record an object of the listing, known or not."""
        if exports is not None and one.file.line_format:
            task = exports.task(one.key)
            self.written[task] = max(self.written.get(task, 0), one.file.file_s)
        else:
            self.newest = max(self.newest, one.file.file_s)

    def add(self, one: Object, slot: int) -> None:
        """Add an unknown object of a slot."""
        self._objects.append((one, slot))
        if len(self._objects) > 2 * self.most:
            self._cut()

    def oldest(self) -> list[tuple[Object, int]]:
        """Return the objects to queue with their slots, the oldest first."""
        self._cut()
        return self._objects

    def leave(self, one: Object, slot: int) -> None:
        """Leave an object for the next listing."""
        self.left_from[slot] = min(self.left_from.get(slot, one.file.file_s), one.file.file_s)

    def _cut(self) -> None:
        self._objects.sort(key=lambda found: (found[0].file.file_s, found[0].key))
        for one, slot in self._objects[self.most :]:
            self.leave(one, slot)
        del self._objects[self.most :]
