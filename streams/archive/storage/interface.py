"""The place of an archive: a folder or a bucket, behind one interface, and its errors in sentences.

Every function blocks; an edge calls it in a thread. `ArchiveError` has the sentence for the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from connectors.errors import ConnectError


class ArchiveError(ConnectError):
    """The archive cannot be written or read; the message names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the archive: its path with slashes, its size, and a tag that changes with its content."""

    path: str
    size_bytes: int
    tag: str


class Reading(Protocol):
    """Reading of an archive. All functions raise `ArchiveError`."""

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files below a folder, foreign ones too. A missing folder has none."""

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None if it is missing."""


class Writing(Reading, Protocol):
    """Writing of an archive. All functions raise `ArchiveError`; each may be repeated after an error."""

    def check(self) -> str:
        """Return a description of the place. Raises `ArchiveError` if it cannot be used at all."""

    def stage(self, path: str, data: bytes) -> None:
        """Write a file to a path that no reader sees."""

    def publish(self, staged: str, path: str) -> bool:
        """Move a staged file to its path, at once for readers. Return False if both are missing."""

    def delete(self, path: str) -> None:
        """Delete a file, if it is there."""
