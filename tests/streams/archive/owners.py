"""Owners of an archive in processes that a test kills: forked from one server, which has imported all."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

FORKING = multiprocessing.get_context("forkserver")


def own(settings: dict[str, Any], log: str, kill_after_publications: int) -> None:
    """Run `vpcflow archive` in this process; its log goes to a file.

    With `kill_after_publications`, the process kills itself between a commit and its publication.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    from connectors.settings import Archive
    from streams.archive import archive, writer

    if kill_after_publications:
        finish = writer.Writer.finish
        count = 0

        async def finish_or_die(self: writer.Writer, publication: Any) -> None:
            nonlocal count
            count += bool(publication.publish)
            if count == kill_after_publications:
                os.kill(os.getpid(), 9)
            await finish(self, publication)

        writer.Writer.finish = finish_or_die  # type: ignore[method-assign]
    asyncio.run(archive.run(Archive(**settings)))


def start(settings: dict[str, Any], log: Path, kill_after_publications: int = 0) -> BaseProcess:
    """Start an owner."""
    FORKING.set_forkserver_preload(["streams.archive.archive"])
    process = FORKING.Process(target=own, args=(settings, str(log), kill_after_publications))
    process.start()
    return process
