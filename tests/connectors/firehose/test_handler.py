"""The endpoint on a real Kafka, fault by fault: each line once, whatever comes twice, late, slow or wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from connectors.clock import now_ms
from connectors.firehose.committed_requests import PACK_MARKS, CommittedRequests
from connectors.firehose.connector import receive
from connectors.firehose.handler import Receiver
from connectors.firehose.listener import listening
from connectors.formats.envelope import control_message, wrap_subscription
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import Slot, read_compacted
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose
from tests.build import line
from tests.connectors.firehose.posting import (
    DEADLINE_S,
    Post,
    Reader,
    configured,
    header,
    lines,
    raw,
    raw_head,
    receiving,
    send,
    with_lines,
)
from tests.processes import until

pytestmark = pytest.mark.kafka

WHERE = ("account", "region", "first", "last", "arrival_ms", "newest_arrival_ms")


async def test_a_request_is_answered_as_aws_wants_it_once_its_lines_are_there(
    settings: ConnectFirehose, committed: Reader
) -> None:
    post = Post([line(), b'{"message":"2 b"}\n{"message":"2 c"}\n', b"2 d\n2 e\n"])
    async with receiving(settings) as url:
        answer = await send(url, post)
        assert await lines(committed, settings.prefix) == [line(), b"2 b", b"2 c", b"2 d", b"2 e"]
    assert answer.status == 200
    assert answer.body.keys() == {"requestId", "timestamp"}
    assert (answer.body["requestId"], type(answer.body["timestamp"])) == (post.request_id, int)
    assert answer.headers["Content-Type"] == "application/json"
    assert "Content-Length" in answer.headers
    assert "Content-Encoding" not in answer.headers


async def test_a_block_says_where_its_lines_are_from(settings: ConnectFirehose, committed: Reader) -> None:
    post = Post([b"", line(), line()], attributes={"format": "version start", "region": "eu-north-1"})
    async with receiving(settings) as url:
        await send(url, post)
    (block,) = await with_lines(committed, settings.prefix)
    named = {name: value.decode() for name, value in block.headers}
    assert {name: named[name] for name in ("source", "format", *WHERE)} == {
        "source": "firehose:flows",
        "format": "version start",
        "account": "123456789012",
        "region": "eu-north-1",
        "first": f"{post.request_id}/1",
        "last": f"{post.request_id}/2",
        "arrival_ms": "1700000000000",
        "newest_arrival_ms": "1700000000000",
    }
    (dead,) = await committed(f"{settings.prefix}dead")
    assert header(dead, "why") == "empty record"


async def test_envelopes_of_cloudwatch_logs_are_unwrapped(
    settings: ConnectFirehose, committed: Reader
) -> None:
    envelope = wrap_subscription("eni-1-all", [("1", 1, "2 a"), ("2", 1, "2 b")])
    async with receiving(settings) as url:
        answer = await send(url, Post([envelope, control_message("Firehose"), envelope], is_gzip=True))
    assert answer.status == 200
    assert await lines(committed, settings.prefix) == [b"2 a", b"2 b"] * 2


async def test_the_same_request_id_one_after_the_other_is_one_request(
    settings: ConnectFirehose, committed: Reader
) -> None:
    post = Post()
    async with receiving(settings) as url:
        assert [(await send(url, post)).status for _ in range(3)] == [200] * 3
    assert await lines(committed, settings.prefix) == [b"2 a line"]


async def test_the_same_request_id_at_once_is_one_request(
    settings: ConnectFirehose, committed: Reader
) -> None:
    posts = [Post([b"2 %d" % n]) for n in range(10)]
    async with receiving(settings) as url:
        answers = await asyncio.gather(*(send(url, post) for post in posts * 5))
    assert [answer.status for answer in answers] == [200] * 50
    assert sorted(await lines(committed, settings.prefix)) == sorted(b"2 %d" % n for n in range(10))


async def test_the_same_request_id_across_a_restart_is_one_request(
    settings: ConnectFirehose, committed: Reader
) -> None:
    first, second = Post([b"2 first"]), Post([b"2 second"])
    async with receiving(settings) as url:
        await send(url, first)
    async with receiving(settings) as url:
        assert [(await send(url, post)).status for post in (first, second, first)] == [200] * 3
    assert await lines(committed, settings.prefix) == [b"2 first", b"2 second"]
    numbers = [header(m, "number") for m in await committed(f"{settings.prefix}blocks")]
    assert numbers == [str(number) for number in range(len(numbers))]


async def test_requests_that_wait_for_a_commit_share_the_next(
    settings: ConnectFirehose, committed: Reader
) -> None:
    """One that is held up by nothing else costs a transaction of its own; two hundred do not."""
    posts = [Post([b"2 %d" % n]) for n in range(200)]
    async with receiving(settings) as url, aiohttp.ClientSession() as session:

        async def one(post: Post) -> int:
            async with session.post(url, data=post.body, headers=post.headers) as answer:
                return answer.status

        assert set(await asyncio.gather(*(one(post) for post in posts))) == {200}
    assert sorted(await lines(committed, settings.prefix)) == sorted(b"2 %d" % n for n in range(200))
    assert len(await with_lines(committed, settings.prefix)) < 100


async def test_a_chunked_body_is_taken(settings: ConnectFirehose, committed: Reader) -> None:
    post = Post([b"2 a" * 1000])

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(post.body), 100):
            yield post.body[at : at + 100]

    async with receiving(settings) as url:
        assert (await send(url, post, data=pieces())).status == 200
        assert (await send(url, Post(), expect100=True)).status == 200
    assert await lines(committed, settings.prefix) == [b"2 a" * 1000, b"2 a line"]


async def test_wrong_and_missing_keys_are_refused_and_both_keys_are_taken(
    kafka: str, prefix: str, committed: Reader
) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    keyed = configured(kafka, prefix, firehose_key="old-secret", firehose_key_2="new-secret")
    wrong = ["", "old-secreT", "old-secre", "Old-secret", "old-secretnew-secret", "ø"]
    async with receiving(keyed) as url:
        refused = [await send(url, Post(key=key)) for key in wrong]
        taken = [await send(url, Post([key.encode()], key=key)) for key in ("old-secret", "new-secret")]
    assert [answer.status for answer in refused] == [401] * len(wrong)
    assert all(answer.body.keys() == {"requestId", "timestamp", "errorMessage"} for answer in refused)
    assert [answer.status for answer in taken] == [200, 200]
    assert await lines(committed, prefix) == [b"old-secret", b"new-secret"]
    assert await committed(f"{prefix}dead") == []


async def test_the_key_is_looked_at_before_the_body_is_read(kafka: str, prefix: str) -> None:
    """A body that never comes is no reason to wait; a reader of bodies would."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    async with receiving(configured(kafka, prefix, firehose_key="secret")) as url:
        head = raw_head(Post(key="wrong"), 1000)
        assert (await raw(url, head)).startswith(b"HTTP/1.1 401 ")


async def test_a_request_that_was_taken_is_answered_without_its_body(settings: ConnectFirehose) -> None:
    """When Firehose comes again because we were slow, that costs little."""
    post = Post()
    async with receiving(settings) as url:
        await send(url, post)
        assert (await raw(url, raw_head(post, len(post.body)))).startswith(b"HTTP/1.1 200 ")


async def test_the_same_request_id_taken_while_its_copy_is_read_is_one_request(
    settings: ConnectFirehose, committed: Reader
) -> None:
    post = Post()
    async with receiving(settings) as url:
        half = len(post.body) // 2
        copy = asyncio.ensure_future(
            raw(url, raw_head(post, len(post.body)), post.body[:half], post.body[half:], pause_s=0.4)
        )
        assert (await send(url, post)).status == 200
        assert not copy.done()
        assert (await copy).startswith(b"HTTP/1.1 200 ")
    assert await lines(committed, settings.prefix) == [b"2 a line"]


async def test_other_methods_are_405(settings: ConnectFirehose) -> None:
    async with receiving(settings) as url, aiohttp.ClientSession() as session:
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
            async with session.request(method, url) as answer:
                assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_tls(kafka: str, prefix: str, tmp_path: Any) -> None:
    import trustme

    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    files = {"firehose_cert": str(tmp_path / "cert.pem"), "firehose_cert_key": str(tmp_path / "key.pem")}
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with receiving(configured(kafka, prefix, **files)) as url:
        answer = await send(url.replace("http:", "https:"), Post(), ssl=trusting)
    assert answer.status == 200


async def test_marks_that_are_of_no_more_use_are_deleted(settings: ConnectFirehose) -> None:
    """When a slot is opened, and once a minute then."""
    fresh, old = Post(), Post()
    slot = Slot(
        KafkaConnection(settings.kafka), f"{settings.prefix}positions", 0, f"{settings.prefix}connect-0"
    )
    await slot.open()
    await slot.commit(CommittedRequests({}, {}).change([old.request_id], 1_700_000_000_000).state, [])
    await slot.close()

    async def is_pruned() -> bool:
        state = await read_compacted(KafkaConnection(settings.kafka), f"{settings.prefix}positions", 0)
        marks = CommittedRequests(state, {})
        list(marks.load())
        return fresh.request_id in marks and old.request_id not in marks

    async with receiving(settings) as url:
        await send(url, fresh)
        await until(is_pruned, "the old mark is there")


async def test_what_comes_while_marks_are_read_is_told_to_come_again(
    settings: ConnectFirehose, committed: Reader
) -> None:
    """A request that was committed before must not be taken for a new one because nobody knows yet."""
    old = Post()
    slot = Slot(
        KafkaConnection(settings.kafka), f"{settings.prefix}positions", 0, f"{settings.prefix}connect-0"
    )
    await slot.open()
    many = [*(str(number) for number in range(400 * PACK_MARKS)), old.request_id]
    await slot.commit(CommittedRequests({}, {}).change(many, now_ms()).state, [])
    await slot.close()
    said: list[str] = []
    receiver, stop = Receiver(settings), asyncio.Event()
    async with listening(settings, receiver.handle) as listener:
        running = asyncio.ensure_future(receive(receiver, stop, listener.stop))
        url = f"http://127.0.0.1:{listener.port}/"
        async with asyncio.timeout(DEADLINE_S):
            while (answer := await send(url, old)).status != 200:
                said.append(answer.body["errorMessage"])
        stop.set()
        await running
    assert "The ids of committed requests are being loaded. Retry later." in said
    assert await with_lines(committed, settings.prefix) == []
