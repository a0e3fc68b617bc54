"""A node's data folder: the caller's or a temporary one, and for one node at a time.

Kafka locks its logs, but only after its controller has begun to write there: a second JVM, turned away so,
left the first one unable to stop (2 of 5 tries, 4.1.1). Our lock (flock, ended by the kernel with the process
that took it) comes before there is a second JVM.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.kafka.errors import KafkaFailed


@contextmanager
def data_folder(given: Path | None) -> Iterator[Path]:
    """Hold a folder, made if need be; a temporary one is removed at the end. Raises `KafkaFailed`."""
    folder = given or Path(tempfile.mkdtemp(prefix="vpcflow-kafka-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "in-use.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KafkaFailed(
                    f"another Kafka runs in {folder}: stop it, or name another folder"
                ) from None
            yield folder.resolve()
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)
