"""A mapping for state that is too large for memory: an SQLite table in a private temporary file.

The file disappears when the mapping is closed or the process ends, even after a crash. Kafka holds the
durable copy, from which the state is read again. The file is in `SQLITE_TMPDIR`, `TMPDIR` or another place
(https://www.sqlite.org/tempfiles.html, "Temporary File Storage Locations").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping

from connectors.errors import ConnectError

CACHE_KIB = 64
"""SQLite's own page cache; the operating system caches the file, too."""


class StateOnDisk(MutableMapping[bytes, bytes]):
    """A mapping of bytes to bytes. Raises `ConnectError` if the file cannot be created or extended."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode=OFF", f"cache_size=-{CACHE_KIB}"):
            self._do(f"PRAGMA {setting}")
        self._do("CREATE TABLE kept (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")

    def __getitem__(self, key: bytes) -> bytes:
        row = self._do("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._do("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        if not self._do("DELETE FROM kept WHERE key = ?", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        return (key for (key,) in self._do("SELECT key FROM kept ORDER BY key"))

    def __len__(self) -> int:
        return int(self._do("SELECT count(*) FROM kept").fetchone()[0])

    def clear(self) -> None:
        """Delete all entries."""
        self._do("DELETE FROM kept")

    def close(self) -> None:
        """Delete the file. The mapping cannot be used after that."""
        self._rows.close()

    def _do(self, statement: str, values: tuple[bytes, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._rows.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise ConnectError(
                f"cannot keep on disk what was committed ({error}): let TMPDIR be a folder with room"
            ) from error
