"""The writing of one partition: files are staged, committed by the ledger, and published.

An operation that fails is retried until it succeeds or the partition is closed: the position does not move
before the data is safe. Each failure is counted, and reported in a sentence at most once a minute.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog
from polars.exceptions import PolarsError

from connectors.aws.threads import in_thread
from streams.archive import metrics
from streams.archive.compaction import Files, Rows
from streams.archive.ledger import Publication
from streams.archive.names import STAGING, Part
from streams.archive.parquet import decode, encode
from streams.archive.storage.interface import ArchiveError, Writing
from streams.archive.tables import TABLES

log = structlog.get_logger()

T = TypeVar("T")
PAUSE_FIRST_S, PAUSE_MAX_S = 0.5, 30.0
REPORT_S = 60.0


class Writer:
    """The writes of one partition to the archive. `is_failing` is true while an operation is retried."""

    def __init__(self, storage: Writing, q: int) -> None:
        self._storage, self._staging = storage, f"{STAGING}/{q:03d}"
        self._reported_at = float("-inf")
        self.is_failing = False

    async def stage(self, files: Callable[[], Files]) -> tuple[Publication, list[Part]]:
        """Stage the files that `files` yields, in a thread. Return their publication, and the parts."""
        publish: list[tuple[str, str]] = []
        parts: list[Part] = []
        made = await in_thread(files)
        while (file := await in_thread(next, made, None)) is not None:
            part, rows = file
            data = await in_thread(encode, rows, TABLES[part.table])
            staged = f"{self._staging}/{uuid.uuid4().hex}.parquet"
            await self.put(staged, data)
            publish.append((staged, part.path))
            parts.append(part)
            metrics.ROWS.labels(part.table).inc(len(rows))
            metrics.BYTES.inc(len(data))
        return Publication(tuple(publish)), parts

    async def put(self, staged: str, data: bytes) -> None:
        """Stage one file."""
        await self._retry(self._storage.stage, staged, data)

    async def fetch(self, path: str) -> bytes | None:
        """Return the content of a file; None if it is missing."""
        return await self._retry(self._storage.read, path)

    async def finish(self, publication: Publication) -> None:
        """Publish staged files and delete what they replace. It may be repeated."""
        for staged, path in publication.publish:
            table = path.partition("/")[0]
            if await self._retry(self._storage.publish, staged, path):
                metrics.PARTS.labels(table, "published").inc()
            else:
                self._report_missing(path, "it was deleted before it was published; its rows are lost")
        for path in publication.delete:
            await self._retry(self._storage.delete, path)

    async def clear(self, publication: Publication | None) -> None:
        """Delete staged files that no publication names: their owner was killed or fenced before a commit."""
        named = {staged for staged, _ in publication.publish} if publication else set()
        for found in await self._retry(lambda: list(self._storage.files(self._staging))):
            if found.path not in named:
                await self._retry(self._storage.delete, found.path)

    async def read(self, parts: Iterable[Part]) -> Rows:
        """Return the rows of parts. Missing and unreadable ones are reported, and left out."""
        rows = {}
        for part in parts:
            data = await self.fetch(part.path)
            if data is None:
                self._report_missing(part.path, "it was deleted; later roll-ups lack its rows")
                continue
            try:
                rows[part] = await in_thread(decode, data, part)
            except PolarsError as error:
                metrics.PARTS.labels(part.table, "unreadable").inc()
                log.warning("part is unreadable", path=part.path, error=str(error).splitlines()[0][:200])
        return rows

    async def delete_part(self, part: Part) -> None:
        """Delete a part whose retention has passed."""
        await self._retry(self._storage.delete, part.path)
        metrics.PARTS.labels(part.table, "expired").inc()

    def _report_missing(self, path: str, effect: str) -> None:
        metrics.PARTS.labels(path.partition("/")[0], "missing").inc()
        log.error("part is missing", path=path, effect=effect)

    async def _retry(self, function: Callable[..., T], *args: object) -> T:
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                answer = await in_thread(function, *args)
            except ArchiveError as error:
                self._report(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
            else:
                self.is_failing = False
                return answer

    def _report(self, error: ArchiveError) -> None:
        metrics.FAILURES.inc()
        self.is_failing = True
        now = time.monotonic()
        if now - self._reported_at >= REPORT_S:
            self._reported_at = now
            log.error("archive operation is retried", why=str(error))
