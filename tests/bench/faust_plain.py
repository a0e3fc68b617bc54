"""An ordinary Faust app on the same lines: a message a line, a shuffle by key, a windowed table. The peer.

`python -m tests.bench.faust_plain KAFKA LINES` sums flows, packets and bytes of each ENI and action in
tumbling windows, the way Faust's own documentation does it, and prints the CPU seconds it took.
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
    names = (TOPIC, "plain-flows", "plain-app-sums-changelog")
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    await producer.start()
    sent = 0
    for text in texts(lines):
        for line in text.split(b"\n"):
            await producer.send(TOPIC, value=line)
            sent += 1
    await producer.stop()
    return sent


class Flow(faust.Record):
    """A parsed line, as Faust's tutorials model an event."""

    name: str
    packets: int
    bytes: int
    start: float


class Total(faust.Record):
    """What the table keeps for a key."""

    flows: int = 0
    packets: int = 0
    bytes: int = 0


async def consume(kafka: str, lines: int) -> float:
    """Run the app until it has summed every line; return its CPU seconds.

    Lines come without a key, as they come from a stream; each is parsed into a record and sent on by ENI and
    action, so that one worker owns a key; a windowed table, by the time in the record, keeps the totals.
    """
    app = faust.App("plain-app", broker=f"kafka://{kafka}", web_enabled=False, topic_partitions=PARTITIONS)
    raw = app.topic(TOPIC, value_type=bytes, value_serializer="raw")
    flows = app.topic("plain-flows", key_type=str, value_type=Flow)
    table = (
        app.Table("sums", default=Total, partitions=PARTITIONS)
        .tumbling(timedelta(seconds=60), expires=timedelta(hours=1))
        .relative_to_field(Flow.start)
    )
    done = asyncio.Event()
    seen, began = 0, 0.0

    @app.agent(raw)
    async def parse(stream: faust.StreamT[bytes]) -> None:
        nonlocal began
        async for line in stream:
            began = began or time.process_time()
            fields = [0 if field == "-" else field for field in line.decode().split(" ")]
            name = f"{fields[2]}|{fields[12]}"
            flow = Flow(name=name, packets=int(fields[8]), bytes=int(fields[9]), start=float(fields[10]))
            await flows.send(key=name, value=flow)

    @app.agent(flows)
    async def sums(stream: faust.StreamT[Flow]) -> None:
        nonlocal seen
        async for flow in stream:
            total = table[flow.name].value()
            total.flows += 1
            total.packets += flow.packets
            total.bytes += flow.bytes
            table[flow.name] = total
            seen += 1
            if seen >= lines:
                done.set()

    app.finalize()
    await app.start()  # It returns once the agents run.
    crashed = asyncio.ensure_future(app.wait_until_stopped())
    await asyncio.wait({crashed, asyncio.ensure_future(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if not done.is_set():
        raise SystemExit(f"the ordinary Faust app ended after {seen} of {lines} lines: {app.crash_reason!r}")
    return time.process_time() - began


async def _main(kafka: str, lines: int) -> None:
    print(await consume(kafka, lines), flush=True)
    os._exit(0)  # Faust's threads outlive a cancelled app; what was measured is printed.


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp(prefix="vpcflow-bench-"))  # Faust keeps a data folder where it runs.
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
