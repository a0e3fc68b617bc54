"""What a worker finds on Kafka that is not its own: other settings, another version, numbers that go back."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from connectors.kafka.blocks import BlockWriter, ProgressReport, Provenance, Sent
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import FORMAT
from connectors.kafka.slots import ContractError, Slot
from connectors.kafka.topics import ensure_topics
from connectors.progress import SlotProgress
from connectors.settings import Work
from streams.worker.sum import SumHop
from tests.acceptance.working import working
from tests.build import decode_aggregate, line
from tests.connectors.arrived import Topics
from tests.processes import environment

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60.0
AT = 1_700_000_000
WHERE = Provenance("test", "default", "1234", "us-east-1", "1", "1", AT * 1000, (AT + 60) * 1000)
NEWER = FORMAT + 1
AS_NEWER = f"""
import connectors.kafka.messages, connectors.kafka.slots
connectors.kafka.messages.FORMAT = {NEWER}
connectors.kafka.slots.FORMAT_HEADER = ("v", b"{NEWER}")
"""

Reader = Callable[[str], Awaitable[list[Any]]]


@pytest.fixture
async def settings(kafka: str, prefix: str) -> Work:
    """A worker's settings for topics of one partition, which are there."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    return Work.model_validate({"kafka": kafka, "prefix": prefix, "slots": 1})


@pytest.fixture
async def connector(settings: Work) -> AsyncIterator[Connector]:
    """A connector's slot, for lines of the test's choice."""
    async with AsyncExitStack() as stack:
        slot = Slot(
            KafkaConnection(settings.kafka), f"{settings.prefix}positions", 0, f"{settings.prefix}connect-0"
        )
        await slot.open()
        stack.push_async_callback(slot.close)
        yield Connector(settings, slot)


class Connector:
    """Sends blocks, numbered on from the last one."""

    def __init__(self, settings: Work, slot: Slot) -> None:
        self._prefix, self._slot, self.sent = settings.prefix, slot, Sent()

    async def send(self, *lines: bytes) -> None:
        """Commit one block."""
        writer = BlockWriter(self._prefix, 0, self.sent)
        writer.add(lines, WHERE)
        writer.report(ProgressReport(SlotProgress(), AT))
        await self._slot.commit(writer.state, writer.messages)
        self.sent = writer.sent


async def ended(settings: Work, folder: Path, first: str = "", **more: object) -> tuple[int, str]:
    """Run a worker until it ends by itself; return its status and what it wrote."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("VPCFLOW_")}
    env |= environment(settings.kafka, settings.prefix, settings.slots, **more) | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", f"{first}\nfrom streams.cli import main\nmain(['work'])"],
        env=env,
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()


async def flows_once(count: int, settings: Work, committed: Reader) -> int:
    """Return the flows of all windows once there are so many; poll until then."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            messages = await committed(f"{settings.prefix}aggregates")
            newest = {one.key: one.flows for one in (decode_aggregate(m.value) for m in messages)}
            if sum(newest.values()) >= count:
                return sum(newest.values())
            await asyncio.sleep(0.1)


async def test_another_window_for_an_existing_prefix_is_refused(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    await connector.send(line())
    async with working(settings, tmp_path):
        await flows_once(1, settings, committed)
    status, said = await ended(settings, tmp_path, window_s=120)
    assert status == 1
    assert "was written with VPCFLOW_WINDOW_S=60, and this process has VPCFLOW_WINDOW_S=120" in said
    assert "use another VPCFLOW_PREFIX" in said
    assert "Traceback" not in said


async def test_other_slots_for_an_existing_prefix_are_refused(settings: Work) -> None:
    """As where a topic was made again with more partitions: its state has what was counted with fewer."""
    hop = SumHop(settings, 0)
    await hop.open(0.0)
    await hop.flush(0.0)
    await hop.slot.close()
    more = settings.model_copy(update={"slots": 2})
    with pytest.raises(ContractError, match="written with VPCFLOW_SLOTS=1, and this process has"):
        await SumHop(more, 0).open(0.0)


async def test_a_lower_number_at_a_newer_offset_stops_the_hop_and_names_topic_and_remedy(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    """As after `positions` was deleted: the connector begins to count anew."""
    await connector.send(line())
    async with working(settings, tmp_path):
        await flows_once(1, settings, committed)
    connector.sent = Sent()
    await connector.send(line())
    status, said = await ended(settings, tmp_path)
    assert status == 1
    assert f"topic {settings.prefix}blocks, partition 0: number 0 at offset" in said
    assert "Use another VPCFLOW_PREFIX" in said
    assert "Traceback" not in said


async def test_a_topic_that_was_deleted_and_made_again_stops_the_worker_and_is_named(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    """Its messages come at offsets that were read, so they would be skipped as seen before."""
    for _ in range(5):
        await connector.send(line())
    async with working(settings, tmp_path):
        await flows_once(5, settings, committed)
    topic = f"{settings.prefix}blocks"
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    await admin.delete_topics([topic])
    async with asyncio.timeout(DEADLINE_S):
        while topic in await admin.list_topics():
            continue
    await admin.close()
    await ensure_topics(KafkaConnection(settings.kafka), settings.prefix, 1)
    connector.sent = Sent()
    await connector.send(line())
    status, said = await ended(settings, tmp_path)
    assert status == 1
    assert f"topic {topic}, partition 0, ends at offset 2, but was read up to offset" in said
    assert "Use another VPCFLOW_PREFIX" in said
    assert "Traceback" not in said


async def test_messages_that_are_nowhere_stop_the_worker_and_are_counted(
    settings: Work, connector: Connector, tmp_path: Path
) -> None:
    """A jump in the numbers without a hole in the log; reading it again changes nothing."""
    await connector.send(line())
    connector.sent = replace(connector.sent, number=connector.sent.number + 3)
    ending = asyncio.ensure_future(
        ended(settings, tmp_path, "import streams.worker.gaps\nstreams.worker.gaps.SEEKS_MAX = 2")
    )
    while not ending.done():
        await connector.send(line())
        await asyncio.wait([ending], timeout=0.6)
    status, said = await ending
    assert status == 1
    # The first message after the jump has number 4; a later one may be read before the seek takes effect.
    found = re.search(
        rf"topic {settings.prefix}blocks, partition 0: (\d+) messages before number (\d+)", said
    )
    assert found is not None
    assert int(found[2]) - int(found[1]) == 1
    assert "Traceback" not in said


async def test_messages_of_a_newer_version_stop_an_older_process(
    settings: Work, connector: Connector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.kafka.slots.FORMAT_HEADER", ("v", b"%d" % NEWER))
    await connector.send(line())
    status, said = await ended(settings, tmp_path)
    assert status == 1
    assert f"topic {settings.prefix}blocks holds format {NEWER}" in said
    assert "upgrade this process" in said


async def test_state_of_a_newer_version_stops_an_older_process(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    await connector.send(line())
    async with working(settings, tmp_path, first=AS_NEWER):
        await flows_once(1, settings, committed)
    status, said = await ended(settings, tmp_path)
    assert status == 1
    assert f"-state holds format {NEWER}" in said


async def test_workers_are_upgraded_one_after_the_other(kafka: str, prefix: str, tmp_path: Path) -> None:
    """A newer worker joins an older one, which ends at a message that it cannot read. All is counted."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    committed = Topics(kafka, prefix, 2).messages
    settings = Work.model_validate({"kafka": kafka, "prefix": prefix, "slots": 2})
    older = tmp_path / "older"
    older.mkdir()
    async with AsyncExitStack() as stack:
        connectors = []
        for slot in range(2):
            one = Slot(KafkaConnection(kafka), f"{prefix}positions", slot, f"{prefix}connect-{slot}")
            await one.open()
            stack.push_async_callback(one.close)
            connectors.append(one)
        sent = [Sent(), Sent()]

        async def send() -> None:
            for slot, one in enumerate(connectors):
                writer = BlockWriter(prefix, slot, sent[slot])
                writer.add([line(interface_id=f"eni-{n:017x}") for n in range(8)], WHERE)
                await one.commit(writer.state, writer.messages)
                sent[slot] = writer.sent

        await send()
        ending = asyncio.ensure_future(ended(settings, older))
        assert await flows_once(16, settings, committed) == 16
        async with working(settings, tmp_path, first=AS_NEWER):
            async with asyncio.timeout(DEADLINE_S):
                while not ending.done():
                    await send()
                    await asyncio.sleep(0.2)
            status, said = await ending
            assert status == 1, said
            assert f"holds format {NEWER}" in said
            await send()
            total = sum(one.lines for one in sent)
            assert await flows_once(total, settings, committed) == total
    dead = await committed(f"{prefix}dead")
    assert dead == []


async def test_a_worker_told_to_stop_commits_what_it_has_read(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    """SIGTERM: flush, commit, leave the group. The worker would not flush for a long time by itself."""
    slow = "import streams.worker.hops as h; h.FLUSH_S = h.FLUSH_MAX_S = 600.0"
    async with working(settings, tmp_path, first=slow):
        await connector.send(line())
        await flows_once(1, settings, committed)
        await connector.send(*[line()] * 4)
        await read_to(settings, 2)
    partials = await committed(f"{settings.prefix}partials")
    assert sum(int(dict(m.headers)["count"]) for m in partials) == 5


async def read_to(settings: Work, blocks: int) -> None:
    """Wait until the worker has read so many blocks: it tells its place to the group once a second."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = await admin.list_consumer_group_offsets(f"{settings.prefix}work")
                offsets = [o.offset for tp, o in found.items() if tp.topic == f"{settings.prefix}blocks"]
                if offsets and max(offsets) > blocks:
                    return
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def test_a_gap_of_retention_says_how_many_lines_are_lost(
    settings: Work, connector: Connector, committed: Reader, tmp_path: Path
) -> None:
    """Kafka has deleted two blocks of 3 and 4 lines before a worker came."""
    await connector.send(line())
    async with working(settings, tmp_path):
        await flows_once(1, settings, committed)
    await connector.send(*[line()] * 3)
    await connector.send(*[line()] * 4)
    blocks = await committed(f"{settings.prefix}blocks")
    await connector.send(line())
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    place = TopicPartition(f"{settings.prefix}blocks", 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=blocks[-1].offset + 1)})
    await admin.close()
    async with working(settings, tmp_path):
        assert await flows_once(2, settings, committed) == 2
    said = (tmp_path / "worker.log").read_text()
    assert "data lost to retention" in said
    assert "lines=7" in said
