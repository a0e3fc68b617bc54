"""What is too much, too slow, broken or not ours now is refused, so that Firehose comes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer
from isal import igzip

from connectors.firehose.body_reader import RequestLimits
from connectors.firehose.connector import receive
from connectors.firehose.handler import Receiver
from connectors.firehose.listener import listening
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.partitioner import slot_of
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose
from emulator.kafka.cluster import kafka_node
from tests.connectors.firehose.posting import (
    DEADLINE_S,
    Post,
    Reader,
    configured,
    deliver,
    header,
    lines,
    raw,
    raw_head,
    receiving,
    send,
)
from tests.processes import until

pytestmark = pytest.mark.kafka


async def test_a_gzip_bomb_costs_its_cap_and_is_refused(settings: ConnectFirehose, committed: Reader) -> None:
    """As a body it is refused with 400, as a record it goes to `dead`, and the records beside it count."""
    bomb = igzip.compress(bytes(256 << 20), 1)
    post = Post([b"2 beside", bomb])
    async with receiving(settings) as url:
        refused = await send(url, Post(), data=bomb, headers=Post(is_gzip=True).headers)
        taken = await send(url, post)
    assert (refused.status, taken.status) == (400, 200)
    assert "larger than" in refused.body["errorMessage"]
    assert await lines(committed, settings.prefix) == [b"2 beside"]
    found = {header(m, "why"): m.value for m in await committed(f"{settings.prefix}dead")}
    assert found == {"too large": bomb, "inflates beyond the cap": bomb}


async def test_a_body_that_is_no_request_is_refused_and_kept_once(
    settings: ConnectFirehose, committed: Reader
) -> None:
    post = Post()
    async with receiving(settings) as url:
        answers = [await send(url, post, data=b"{broken") for _ in range(3)]
        assert (await send(url, post)).status == 200  # mended
    assert [answer.status for answer in answers] == [400] * 3
    assert answers[0].body["requestId"] == post.request_id
    assert answers[0].body["errorMessage"] == "the body is not JSON"
    (dead,) = await committed(f"{settings.prefix}dead")
    assert (dead.value, header(dead, "why")) == (b"{broken", "malformed")
    assert header(dead, "from") == f"firehose:flows@{post.request_id}"
    assert await lines(committed, settings.prefix) == [b"2 a line"]


async def test_a_body_too_large_is_400_and_never_413(settings: ConnectFirehose, committed: Reader) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(1000)

    async with receiving(settings, RequestLimits(body_bytes=20_000)) as url:
        whole = await send(url, Post(), data=bytes(30_000))
        chunked = await send(url, Post(), data=pieces())
        right = await send(url, Post())
    assert (whole.status, chunked.status, right.status) == (400, 400, 200)
    assert "larger than 20000 bytes" in whole.body["errorMessage"]
    assert await lines(committed, settings.prefix) == [b"2 a line"]


@pytest.mark.parametrize(
    ("limits", "size", "parts"),
    [
        (RequestLimits(pause_s=0.3, body_s=99), 200, [b"{" * 100]),  # stops in the middle
        (RequestLimits(pause_s=99, body_s=0.6), 200, [b" "] * 30),  # goes on, a byte at a time
    ],
)
async def test_a_slow_body_ends_in_time_and_holds_nobody_up(
    settings: ConnectFirehose, committed: Reader, limits: RequestLimits, size: int, parts: list[bytes]
) -> None:
    post = Post([b"slow"])
    async with receiving(settings, limits) as url, asyncio.timeout(DEADLINE_S):
        slow = raw(url, raw_head(post, size), *parts, pause_s=0.03)
        first, *answers = await asyncio.gather(slow, *(send(url, Post([b"%d" % n])) for n in range(5)))
        assert first.startswith(b"HTTP/1.1 408 ")
        assert [answer.status for answer in answers] == [200] * 5
        assert (await send(url, post)).status == 200  # nothing of the slow one counted
    assert sorted(await lines(committed, settings.prefix)) == [b"0", b"1", b"2", b"3", b"4", b"slow"]


async def test_a_body_that_is_cut_off_leaves_nothing(settings: ConnectFirehose, committed: Reader) -> None:
    post = Post()
    async with receiving(settings) as url:
        host, _, port = url.split("/")[2].partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw_head(post, len(post.body)) + post.body[:-3])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await send(url, post)).status == 200
    assert await lines(committed, settings.prefix) == [b"2 a line"]


async def test_503_before_a_slot_is_owned(settings: ConnectFirehose, committed: Reader) -> None:
    receiver = Receiver(settings)
    post = Post()
    async with listening(settings, receiver.handle) as listener:
        answer = await send(f"http://127.0.0.1:{listener.port}/", post)
        assert not receiver.is_ready
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    async with receiving(settings) as url:
        assert (await send(url, post)).status == 200
    assert await lines(committed, settings.prefix) == [b"2 a line"]


@asynccontextmanager
async def another_instance(kafka: str, prefix: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Have a member of the connectors' group that owns what it is given, and does nothing with it."""
    member = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{prefix}connect", enable_auto_commit=False)
    member.subscribe([f"{prefix}positions"])
    await member.start()
    try:
        yield member
    finally:
        await member.stop()


async def test_503_for_a_slot_that_another_instance_owns(kafka: str, prefix: str) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    settings = configured(kafka, prefix, slots=2)
    async with receiving(settings) as url:
        posts = [Post() for _ in range(12)]
        async with another_instance(kafka, prefix) as member:
            async with asyncio.timeout(DEADLINE_S):
                while not member.assignment():
                    await member.getmany(timeout_ms=50)
            (theirs,) = {p.partition for p in member.assignment()}
            mine = [post for post in posts if slot_of(post.request_id, 2) != theirs]
            for post in mine:
                await deliver(url, post)
            for post in posts:
                status = (await send(url, post)).status
                assert status == (200 if post in mine else 503)
        for post in posts:
            await deliver(url, post)


async def test_503_while_more_bodies_are_held_than_may_be(settings: ConnectFirehose) -> None:
    post = Post([bytes(3000)])
    async with receiving(settings, RequestLimits(held_bytes=2000)) as url:
        assert (await send(url, post)).status == 503
        assert (await send(url, Post())).status == 200


@pytest.mark.faults
async def test_503_while_a_commit_is_overdue(prefix: str) -> None:
    """Kafka dies; what was under way is answered when it is back, and nothing more is taken meanwhile."""
    async with kafka_node() as node:
        await ensure_topics(KafkaConnection(node.bootstrap), prefix, 1)
        receiver, stop = (
            Receiver(configured(node.bootstrap, prefix), RequestLimits(overdue_s=0.5)),
            asyncio.Event(),
        )
        async with listening(configured(node.bootstrap, prefix), receiver.handle) as listener:
            running = asyncio.ensure_future(receive(receiver, stop, listener.stop))
            url = f"http://127.0.0.1:{listener.port}/"

            async def is_ready() -> bool:
                return receiver.is_ready

            async def is_not_ready() -> bool:
                return not receiver.is_ready

            await until(is_ready, "no slot is owned")
            assert (await send(url, Post())).status == 200
            await node.kill()
            waiting = asyncio.ensure_future(send(url, Post()))
            await until(is_not_ready, "no commit is overdue")
            late = await send(url, Post())
            assert (late.status, "overdue" in late.body["errorMessage"]) == (503, True)
            await node.restart()
            assert (await waiting).status == 200
            await until(is_ready, "not ready again")
            assert (await send(url, Post())).status == 200
            stop.set()
            await running
