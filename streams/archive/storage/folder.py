"""An archive in a folder of this machine, or of a network file system with atomic renames."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.archive.storage.interface import ArchiveError, StoredFile

_FULL = {errno.ENOSPC, errno.EDQUOT}


class Folder:
    """The archive below `root`. A file is on the disk before a name of it is."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self) -> str:
        """Check that the folder exists, or can be created. Raises `ArchiveError`."""
        with self._naming("write to"):
            there = next(path for path in (self._root, *self._root.absolute().parents) if path.exists())
            if not there.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return f"folder {self._root}"

    def stage(self, path: str, data: bytes) -> None:
        """Write a file and wait until it is on the disk."""
        with self._naming("write to"):
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with target.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    target.unlink()  # A full disk needs the space.
                raise
            _sync(target.parent)

    def publish(self, staged: str, path: str) -> bool:
        """Rename a staged file."""
        with self._naming("write to"):
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                (self._root / staged).replace(target)
            except FileNotFoundError:
                return target.exists()
            _sync(target.parent)
            return True

    def delete(self, path: str) -> None:
        """Delete a file, and the folders that are empty then."""
        with self._naming("write to"):
            target = self._root / path
            target.unlink(missing_ok=True)
            for folder in target.parents:
                if folder == self._root:
                    break
                try:
                    folder.rmdir()
                except OSError:  # It is not empty, or a part is just published there.
                    break

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files below a folder."""
        with self._naming("read"):
            for path in sorted((self._root / folder).rglob("*")):
                with suppress(FileNotFoundError):  # Compaction has deleted it meanwhile.
                    found = path.stat()
                    if path.is_file():
                        relative = path.relative_to(self._root).as_posix()
                        yield StoredFile(relative, found.st_size, f"{found.st_mtime_ns}")

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None if it is missing."""
        with self._naming("read"):
            try:
                return (self._root / path).read_bytes()
            except FileNotFoundError:
                return None

    @contextmanager
    def _naming(self, action: str) -> Iterator[None]:
        """Raise `ArchiveError` instead of an error of the file system."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            remedy = "free space on it" if error.errno in _FULL else "correct it, or set VPCFLOW_ARCHIVE"
            raise ArchiveError(f"cannot {action} VPCFLOW_ARCHIVE={self._root}: {why}; {remedy}") from error


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # Some network file systems cannot do it.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
