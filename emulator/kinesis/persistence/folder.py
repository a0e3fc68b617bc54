"""A folder with an LMDB environment, opened by one process.

Commits are written to the operating system's cache and not flushed to the disk. They survive the end of the
process, but not a power failure. A folder that a power failure has damaged is refused if the damage is
detected.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

import lmdb

_FIRST_MAP_BYTES = 1 << 30
_FORMAT_KEY, _FORMAT = b"format", b"vpcflow kinesis 1"
_LOCK, _DATA = "lock", "data.mdb"


class FolderError(Exception):
    """The folder cannot be used. The message has the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder: the LMDB environment with its tables of streams, shards and records."""

    path: Path
    env: lmdb.Environment
    streams: lmdb._Database
    shards: lmdb._Database
    records: lmdb._Database
    lock: int

    def make_room(self, more_bytes: int) -> int:
        """Ensure space for `more_bytes` and return the free bytes. No transaction may be open."""
        info = self.env.info()
        used_bytes = (info["last_pgno"] + 1) * self.env.stat()["psize"]
        map_bytes = info["map_size"]
        if map_bytes - used_bytes < more_bytes:
            map_bytes = 2 * (used_bytes + more_bytes)
            self.env.set_mapsize(map_bytes)
        return int(map_bytes - used_bytes)

    def close(self) -> None:
        """Close the folder and release its lock."""
        self.env.close()
        os.close(self.lock)


def open_folder(path: Path) -> Folder:
    """Open a folder, or create it. Raises `FolderError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {each.name for each in path.iterdir()}
        if names - {_LOCK} and _DATA not in names:
            raise _foreign(path)
        lock = _locked(path)
    except OSError as error:
        raise FolderError(f"The data folder {path} cannot be used: {error.strerror}.") from None
    try:
        return _opened(path, lock)
    except BaseException:
        os.close(lock)
        raise


def damaged(path: Path, what: object) -> FolderError:
    """Return the error for a damaged folder."""
    return FolderError(
        f"The data folder {path} is damaged ({what}). Move it away, or choose another, and start again."
    )


def _foreign(path: Path) -> FolderError:
    return FolderError(f"The folder {path} does not contain an emulator's data. Choose another one.")


def _locked(path: Path) -> int:
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise FolderError(
            f"Another emulator uses the data folder {path}. Stop it, or choose another folder."
        ) from None
    return lock


def _check_format(path: Path, env: lmdb.Environment) -> None:
    """Check the format mark of an environment, or write it to a new one. Raises `FolderError`."""
    with env.begin(write=True) as transaction:
        found = transaction.get(_FORMAT_KEY)
        if found is None and env.stat()["entries"]:
            raise _foreign(path)
        if found not in {None, _FORMAT}:
            raise FolderError(
                f"The data folder {path} was written by another version of the emulator. Choose another one."
            )
        transaction.put(_FORMAT_KEY, _FORMAT)


def _opened(path: Path, lock: int) -> Folder:
    try:
        size = (path / _DATA).stat().st_size if (path / _DATA).exists() else 0
        # LMDB's own lock is for several processes. `flock` excludes them and is released by SIGKILL.
        env = lmdb.open(
            str(path), map_size=max(_FIRST_MAP_BYTES, 2 * size), max_dbs=4, sync=False, lock=False
        )
    except lmdb.Error as error:
        raise damaged(path, error) from None
    try:
        page_bytes, last_page = env.stat()["psize"], env.info()["last_pgno"]
        if size and size < (last_page + 1) * page_bytes:  # Reading beyond the end would kill the process.
            raise lmdb.CorruptedError("its data file is truncated")
        _check_format(path, env)
        streams, shards, records = (env.open_db(name) for name in (b"streams", b"shards", b"records"))
        return Folder(path, env, streams, shards, records, lock)
    except lmdb.Error as error:
        env.close()
        raise damaged(path, error) from None
    except FolderError:
        env.close()
        raise
