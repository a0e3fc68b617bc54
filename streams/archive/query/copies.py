"""Copies of parts of S3 on this machine, for DuckDB to read.

A part never changes, so a copy is valid as long as its tag is. DuckDB's own reader of S3 (httpfs) is
not used: it is an extension that DuckDB downloads at run time, and it does not use boto3's credentials. If
the copies are too large, those that were used least recently are deleted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from streams.archive.storage.interface import ArchiveError, Reading, StoredFile

DOWNLOADS_AT_ONCE = 8


class Copies:
    """The copies of one archive in a folder."""

    def __init__(self, storage: Reading, archive: str, folder: Path, max_bytes: int) -> None:
        self._storage, self._max_bytes = storage, max_bytes
        self._folder = folder / hashlib.sha256(archive.encode()).hexdigest()[:16]

    def fetch(self, files: Iterable[StoredFile]) -> Mapping[str, Path]:
        """Return the copy of each file by its path in the archive, without files that are missing now.

        Raises `ArchiveError`.
        """
        try:
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                copies = dict(pool.map(self._copy, files))
        except OSError as error:
            raise ArchiveError(
                f"cannot write VPCFLOW_QUERY_CACHE={self._folder}: {error.strerror or error}; free space, or"
                " choose another folder"
            ) from error
        found = {path: copy for path, copy in copies.items() if copy is not None}
        self._shrink(set(found.values()))
        return found

    def _copy(self, file: StoredFile) -> tuple[str, Path | None]:
        name, _, base = file.path.rpartition("/")
        copy = self._folder / name / f"{file.tag.replace('/', '')[:40]}-{base}"
        if copy.exists():
            os.utime(copy)
            return file.path, copy
        data = self._storage.read(file.path)
        if data is None:
            return file.path, None
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_suffix(f".{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(copy)
        return file.path, copy

    def _shrink(self, used: set[Path]) -> None:
        sizes = []
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):  # Another query has deleted it.
                if path.is_file():
                    sizes.append((path.stat().st_mtime, path.stat().st_size, path))
        total = sum(size for _, size, _ in sizes)
        for _, size, path in sorted(sizes):
            if total <= self._max_bytes:
                break
            if path not in used and path.suffix == ".parquet":
                path.unlink(missing_ok=True)
                total -= size


def default_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of copies without a setting."""
    cache = environment.get("VPCFLOW_CACHE") or f"{environment.get('XDG_CACHE_HOME') or '~/.cache'}/vpcflow"
    return Path(cache).expanduser() / "archive"
