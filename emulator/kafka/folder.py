"""A data folder: the caller's or a temporary one, and for one Kafka at a time.

Kafka locks its logs, but only after its controller has begun to write there: a second JVM, turned away so,
left the first one unable to stop (2 of 5 tries, 4.1.1). The lock of this module (flock, which the kernel ends
with the process) is taken before there is a second JVM.

A process that is killed leaves its temporary folder behind. The next one deletes such folders when they are
an hour old, and keeps those whose lock is held.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.kafka.errors import KafkaFailed

PREFIX = "vpcflow-kafka-"
LEFT_BEHIND_S = 3600.0
"""Age from which a folder without an owner is deleted. A younger one may not have its lock yet."""

_LOCK = "in-use.lock"


@contextmanager
def data_folder(given: Path | None) -> Iterator[Path]:
    """Hold a folder and create it if needed; delete a temporary one at the end. Raises `KafkaFailed`."""
    if given is None:
        delete_left_behind(Path(tempfile.gettempdir()), time.time())
    folder = given or Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _locked(folder):
            yield folder.resolve()
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


def delete_left_behind(parent: Path, now_s: float) -> None:
    """Delete the temporary folders of this user that a killed process left; `now_s` is epoch seconds."""
    for lock in parent.glob(f"{PREFIX}*/{_LOCK}"):
        try:
            stat = lock.stat()
            if stat.st_uid == os.getuid() and now_s - stat.st_mtime > LEFT_BEHIND_S:
                with _locked(lock.parent):
                    shutil.rmtree(lock.parent, ignore_errors=True)
        except (OSError, KafkaFailed):
            continue  # Another process deletes it, or runs in it.


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("w")
    except OSError as error:
        raise KafkaFailed(
            f"Kafka cannot keep its data in {folder} ({error.strerror}): name a folder that this user"
            " can write"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KafkaFailed(f"another Kafka runs in {folder}: stop it, or name another folder") from None
        yield
