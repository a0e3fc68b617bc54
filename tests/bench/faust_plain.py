"""An ordinary Faust app on the same lines: a message a line, a windowed table. The peer of the bench.

`python -m tests.bench.faust_plain KAFKA LINES` counts flows, packets and bytes of each ENI and action in a
tumbling window, the way Faust's own documentation does it, and prints the CPU seconds it took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from datetime import timedelta

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.bench.load import texts

TOPIC = "plain-lines"
PARTITIONS = 8


async def produce(kafka: str, lines: int) -> int:
    """Put the lines on a topic, one message a line; return how many."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    names = (TOPIC, "plain-app-sums-changelog")
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    await producer.start()
    sent = 0
    for text in texts(lines):
        for line in text.split(b"\n"):
            await producer.send(TOPIC, value=line, key=line.split(b" ")[2])
            sent += 1
    await producer.stop()
    return sent


class Total(faust.Record):
    """What the table keeps for a key."""

    flows: int = 0
    packets: int = 0
    bytes: int = 0


async def consume(kafka: str, lines: int) -> float:
    """Run the app until it has seen every line; return its CPU seconds."""
    app = faust.App(
        "plain-app",
        broker=f"kafka://{kafka}",
        web_enabled=False,
        topic_partitions=PARTITIONS,
        store="memory://",
    )
    topic = app.topic(TOPIC, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")
    table = app.Table("sums", default=Total, partitions=PARTITIONS).tumbling(
        timedelta(seconds=60), expires=timedelta(hours=1)
    )
    done = asyncio.Event()
    seen, began = 0, 0.0

    @app.agent(topic)
    async def sums(stream: faust.StreamT[bytes]) -> None:
        nonlocal seen, began
        async for line in stream:
            began = began or time.process_time()
            fields = line.decode().split(" ")
            if fields[13] == "OK":
                key = f"{fields[2]}|{fields[12]}"
                total = table[key].value()
                total.flows += 1
                total.packets += int(fields[8])
                total.bytes += int(fields[9])
                table[key] = total
            seen += 1
            if seen >= lines:
                done.set()

    app.finalize()
    started = asyncio.ensure_future(app.start())
    await asyncio.wait({started, asyncio.ensure_future(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if started.done():
        started.result()
    return time.process_time() - began


async def _main(kafka: str, lines: int) -> None:
    print(await consume(kafka, lines), flush=True)
    os._exit(0)  # Faust's threads outlive a cancelled app; what was measured is printed.


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp(prefix="vpcflow-bench-"))  # Faust keeps a data folder where it runs.
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
