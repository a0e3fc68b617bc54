"""A folder with an LMDB environment in it, opened for one process.

Commits are not flushed to the disk: they are in the operating system's memory when they are done, and so
outlive the process, however it ends. They do not outlive a power cut; what a cut leaves behind is told from
a whole folder as well as can be, and refused.
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
    """The folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder: its environment, and its tables of streams, of shards and of records."""

    path: Path
    env: lmdb.Environment
    streams: lmdb._Database
    shards: lmdb._Database
    records: lmdb._Database
    lock: int

    def make_room(self, more_bytes: int) -> int:
        """See to it that so much more can be written; return how much can. No transaction may be open."""
        info = self.env.info()
        used_bytes = (info["last_pgno"] + 1) * self.env.stat()["psize"]
        map_bytes = info["map_size"]
        if map_bytes - used_bytes < more_bytes:
            map_bytes = 2 * (used_bytes + more_bytes)
            self.env.set_mapsize(map_bytes)
        return int(map_bytes - used_bytes)

    def close(self) -> None:
        """Let another process have the folder."""
        self.env.close()
        os.close(self.lock)


def open_folder(path: Path) -> Folder:
    """Open a folder, or make it. Raises `FolderError`."""
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
    """Return the refusal of a folder with something wrong in it."""
    return FolderError(
        f"The data folder {path} is damaged ({what}). Move it away, or choose another, and start again."
    )


def _foreign(path: Path) -> FolderError:
    return FolderError(f"The folder {path} holds something else than an emulator's data. Choose another one.")


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
    """Refuse an environment that is not ours; mark a new one."""
    with env.begin(write=True) as transaction:
        found = transaction.get(_FORMAT_KEY)
        if found is None and env.stat()["entries"]:
            raise _foreign(path)
        if found not in {None, _FORMAT}:
            raise FolderError(f"The data folder {path} was written by another version of the emulator.")
        transaction.put(_FORMAT_KEY, _FORMAT)


def _opened(path: Path, lock: int) -> Folder:
    try:
        size = (path / _DATA).stat().st_size if (path / _DATA).exists() else 0
        # LMDB's own lock is for other processes; ours keeps them out, and leaves nothing behind when killed.
        env = lmdb.open(
            str(path), map_size=max(_FIRST_MAP_BYTES, 2 * size), max_dbs=4, sync=False, lock=False
        )
    except lmdb.Error as error:
        raise damaged(path, error) from None
    try:
        page_bytes, last_page = env.stat()["psize"], env.info()["last_pgno"]
        if size and size < (last_page + 1) * page_bytes:  # to read beyond the end would kill the process
            raise lmdb.CorruptedError("it is shorter than it was")
        _check_format(path, env)
        streams, shards, records = (env.open_db(name) for name in (b"streams", b"shards", b"records"))
        return Folder(path, env, streams, shards, records, lock)
    except lmdb.Error as error:
        env.close()
        raise damaged(path, error) from None
    except FolderError:
        env.close()
        raise
