"""The endpoint as its own process, told to stop or killed at the worst moments: every line once."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from tests.connectors.firehose.posting import DEADLINE_S, Post, Reader, deliver, lines, raw_head, send
from tests.connectors.firehose.process import Endpoint, endpoint
from tests.processes import until

pytestmark = [pytest.mark.kafka, pytest.mark.process]

STOPPED_WITHIN_S = 10.0


@pytest.fixture
async def topics(kafka: str, prefix: str) -> None:
    """Topics of one partition."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)


class HalfSent:
    """A request of which a part was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes) -> None:
        self._reader, self._writer, self._rest = reader, writer, rest

    async def finish(self) -> bytes:
        """Send the rest, and return the status line."""
        self._writer.write(self._rest)
        await self._writer.drain()
        return await self.answer()

    async def answer(self) -> bytes:
        """Return the status line, or nothing when the connection was closed."""
        async with asyncio.timeout(DEADLINE_S):
            return await self._reader.readline()


@asynccontextmanager
async def half_sent(url: str, post: Post) -> AsyncIterator[HalfSent]:
    """Send the first half of a request, and be sure that it has begun to be read."""
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw_head(post, len(post.body)) + post.body[: len(post.body) // 2])
    await writer.drain()
    assert (await send(url, Post([b"meanwhile"]))).status == 200
    yield HalfSent(reader, writer, post.body[len(post.body) // 2 :])
    writer.close()


async def is_closed(url: str) -> bool:
    """Say whether nobody listens any more."""
    try:
        await send(url, Post())
    except aiohttp.ClientConnectionError:  # refused; or it was in the queue when the socket was closed
        return True
    return False


async def test_sigterm_in_the_middle_of_a_request_commits_and_answers_it(
    kafka: str, prefix: str, topics: None, committed: Reader, tmp_path: Path
) -> None:
    async with endpoint(kafka, prefix, tmp_path) as one:
        async with half_sent(one.url, Post([b"in the middle"])) as request:
            one.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            await until(lambda: is_closed(one.url), "it listens on")
            assert (await request.finish()).startswith(b"HTTP/1.1 200 ")
        assert await one.process.wait() == 0, one.log.read_text()
        assert time.monotonic() - began < STOPPED_WITHIN_S
    assert await lines(committed, prefix) == [b"meanwhile", b"in the middle"]


async def test_sigterm_with_a_request_that_never_comes_whole_ends_in_time(
    kafka: str, prefix: str, topics: None, committed: Reader, tmp_path: Path
) -> None:
    async with endpoint(kafka, prefix, tmp_path) as one, half_sent(one.url, Post([b"half"])) as request:
        one.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert await one.process.wait() == 0, one.log.read_text()
        assert time.monotonic() - began < STOPPED_WITHIN_S
        assert not (await request.answer()).startswith(b"HTTP/1.1 200 ")
    assert await lines(committed, prefix) == [b"meanwhile"]


async def test_a_connection_that_is_kept_gets_503_while_it_stops(
    kafka: str, prefix: str, topics: None, tmp_path: Path
) -> None:
    async with endpoint(kafka, prefix, tmp_path) as one, aiohttp.ClientSession() as session:
        post = Post()
        async with session.post(one.url, data=post.body, headers=post.headers) as taken:
            assert (taken.status, await taken.read() != b"") == (200, True)
        async with half_sent(one.url, Post()) as request:
            one.process.send_signal(signal.SIGTERM)
            await until(lambda: is_closed(one.url), "it listens on")
            post = Post()
            async with session.post(one.url, data=post.body, headers=post.headers) as late:
                assert (late.status, late.headers["Connection"]) == (503, "close")
            assert (await request.finish()).startswith(b"HTTP/1.1 200 ")
        assert await one.process.wait() == 0, one.log.read_text()


async def test_sigkill_between_commit_and_answer_then_the_same_request_again(
    kafka: str, prefix: str, topics: None, committed: Reader, tmp_path: Path
) -> None:
    post = Post([b"2 committed"])
    dying = ["tests.connectors.firehose.dying"]
    async with endpoint(kafka, prefix, tmp_path, command=dying) as one:
        with pytest.raises(aiohttp.ClientError):
            await send(one.url, post)
        assert await one.process.wait() == -signal.SIGKILL
    assert await lines(committed, prefix) == [b"2 committed"]
    async with endpoint(kafka, prefix, tmp_path) as one:
        answer = await deliver(one.url, post)
        assert (answer.status, answer.body["requestId"]) == (200, post.request_id)
    assert await lines(committed, prefix) == [b"2 committed"]


@pytest.mark.faults
async def test_sigkill_at_any_moment_loses_nothing_and_doubles_nothing(
    kafka: str, prefix: str, topics: None, committed: Reader, tmp_path: Path
) -> None:
    """Eight senders that come again until they are answered, as Firehose does; five lives."""
    chance, posts = random.Random(7), [Post([b"2 %d" % n, b"2 %d" % -n]) for n in range(2000)]
    waiting, answered = iter(posts), 0
    url = ""

    async def sender() -> None:
        nonlocal answered
        for post in waiting:
            await deliver(lambda: url, post)
            answered += 1

    async def reached(number: int) -> bool:
        return answered >= number

    async with AsyncExitStack() as stack:
        senders: list[asyncio.Task[None]] = []
        for life in range(5):
            one = await stack.enter_async_context(endpoint(kafka, prefix, tmp_path))
            url = one.url
            senders = senders or [asyncio.create_task(sender()) for _ in range(8)]
            await until(partial(reached, (life + 1) * 250), "no progress")
            await asyncio.sleep(chance.uniform(0, 0.1))
            await kill(one)
        one = await stack.enter_async_context(endpoint(kafka, prefix, tmp_path))
        url = one.url
        async with asyncio.timeout(DEADLINE_S * 2):
            await asyncio.gather(*senders)

    assert sorted(await lines(committed, prefix)) == sorted(t for post in posts for t in post.records)


async def kill(one: Endpoint) -> None:
    one.process.kill()
    await one.process.wait()


@pytest.mark.faults
async def test_an_instance_that_was_paused_past_its_session_commits_nothing(
    kafka: str, prefix: str, topics: None, committed: Reader, tmp_path: Path
) -> None:
    """It wakes, still believes that the slot is its own, and is asked to take what the other has taken."""
    first, again, new = Post([b"2 first"]), Post([b"2 again"]), Post([b"2 new"])
    async with endpoint(kafka, prefix, tmp_path) as paused:
        await deliver(paused.url, first)
        paused.process.send_signal(signal.SIGSTOP)
        asking = asyncio.gather(*(send(paused.url, post) for post in (again, new)), return_exceptions=True)
        async with endpoint(kafka, prefix, tmp_path) as other:
            await deliver(other.url, again)
            paused.process.send_signal(signal.SIGCONT)
            answers = await asking
            assert all(isinstance(one, aiohttp.ClientError) or one.status == 503 for one in answers), answers
            await deliver(other.url, new)
            await deliver(other.url, first)
    assert sorted(await lines(committed, prefix)) == [b"2 again", b"2 first", b"2 new"]
