"""The installation that all nodes of a user share: a Java, Kafka's class path, and a class-data archive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from emulator.kafka.archive import archive_path
from emulator.kafka.jars import cache_folder, ensure_jars, kafka_version, published
from emulator.kafka.java import Java, find_java


@dataclass(frozen=True, slots=True)
class Installation:
    """A Java, Kafka's jars, and the path of the class-data archive, which may not exist yet."""

    java: Java
    jars: tuple[Path, ...]
    archive: Path


async def install() -> Installation:
    """Find a Java and fetch missing jars. Raises `KafkaFailed`."""
    wanted = published()
    folder = cache_folder() / f"kafka-{kafka_version(wanted)}"
    java, jars = await asyncio.gather(asyncio.to_thread(find_java), ensure_jars(wanted, folder))
    return Installation(java, tuple(jars), archive_path(java, jars, folder))
