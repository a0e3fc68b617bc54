"""Requests that nobody should send, made from a seed, and what an endpoint answers to them."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable
from random import Random

from isal import igzip

from tests.connectors.firehose.posting import Post

NO_ANSWER, HANGS = 0, -1
ANSWERED_WITHIN_S = 15.0
INCOMPLETE_S = 0.01  # a head that does not end is not waited for
BOMB = igzip.compress(bytes(80 << 20), 1)

Head = dict[str, str]


def hostile(random: Random) -> bytes:
    """Return the bytes of one request, or of something that is none."""
    return random.choice([_noise, _odd_head, _odd_framing, _mutated_body, _mutated_head, _bomb, _several])(
        random
    )


def _bytes(random: Random, most: int = 300) -> bytes:
    return random.randbytes(random.randrange(most))


def _written(head: Head, body: bytes, line: str = "POST / HTTP/1.1") -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def _head(post: Post, body: bytes) -> Head:
    return {"Host": "x", **post.headers, "Content-Length": str(len(body)), "Connection": "close"}


def _noise(random: Random) -> bytes:
    return (
        random.choice([b"", b"POST ", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02"])
        + _bytes(random)
        + b"\r\n\r\n"
    )


def _odd_head(random: Random) -> bytes:
    post = Post()
    lines = [
        "GET / HTTP/1.0",
        "CONNECT x:1 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "POST http://a/b HTTP/1.1",
        "POST //..//%00 HTTP/1.1",
        "POST / HTTP/9.9",
        "POST / ICAP/1.0",
        "TRACE / HTTP/1.1",
        "PRI * HTTP/2.0",
        "POST /" + "a" * 20_000 + " HTTP/1.1",
        "POST / HTTP/1.0",
    ]
    return _written(_head(post, post.body), post.body, random.choice(lines))


def _odd_framing(random: Random) -> bytes:
    post = Post()
    size = len(post.body)
    framings: list[Head] = [
        {"Content-Length": "-1"},
        {"Content-Length": "99999999999999999999"},
        {"Content-Length": str(size + 50)},
        {"Content-Length": str(size - 5)},
        {"Content-Length": "1, 2"},
        {"Content-Length": "0x10"},
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "chunked, chunked", "Content-Length": ""},
        {"Transfer-Encoding": "gzip"},
        {"Expect": "100-continue"},
        {"Expect": "the worst"},
        {"Upgrade": "websocket", "Connection": "upgrade"},
        {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__", "Connection": "Upgrade, HTTP2-Settings"},
    ]
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (size, post.body)
    bodies = [post.body, chunked, chunked[:-7], b"fffffffffffffffff\r\n", b"-1\r\n", b"zz\r\n\r\n", b""]
    return _written(_head(post, post.body) | random.choice(framings), random.choice(bodies))


def _mutated(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(changed) + 1)
        changed[at : at + random.randrange(4)] = _bytes(random, 4)
    return bytes(changed)


def _mutated_body(random: Random) -> bytes:
    records = [gzip.compress(_bytes(random)) if random.random() < 0.5 else _bytes(random) for _ in range(3)]
    post = Post(records, is_gzip=random.random() < 0.3)
    body = _mutated(random, post.body)
    return _written(_head(post, body), body)


def _mutated_head(random: Random) -> bytes:
    post = Post(attributes={"format": "version", "account": "1" * 12})
    head = _written(_head(post, post.body), b"")
    return _mutated(random, head) + post.body


def _bomb(random: Random) -> bytes:
    post = Post([BOMB] * random.randrange(3), is_gzip=random.random() < 0.5)
    body = BOMB if post.is_gzip else post.body
    return _written(_head(post, body), body)


def _several(random: Random) -> bytes:
    """Pipelined, as nobody sends them."""
    post = Post()
    one = _written({**_head(post, post.body), "Connection": "keep-alive"}, post.body)
    return one * random.randrange(2, 20) + _noise(random)


async def attack(url: str, seed: int, count: int, at_once: int = 16) -> Counter[int]:
    """Send hostile requests; return how often each status came first."""
    random, statuses = Random(seed), Counter[int]()

    async def one_after_another(next_one: Callable[[], bytes], times: int) -> None:
        for _ in range(times):
            statuses[await _answer(url, next_one())] += 1

    each = [count // at_once + (n < count % at_once) for n in range(at_once)]
    await asyncio.gather(*(one_after_another(lambda: hostile(random), times) for times in each))
    return statuses


async def _answer(url: str, data: bytes) -> int:
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        is_complete = b"\r\n\r\n" in data.lstrip(b"\r\n")  # empty lines before a head are none
        async with asyncio.timeout(ANSWERED_WITHIN_S if is_complete else INCOMPLETE_S):
            await writer.drain()
            line = await reader.readline()
        while line.startswith(b"HTTP/1.1 100"):
            line = (await reader.readline(), await reader.readline())[1]
        return int(line.split()[1]) if line else NO_ANSWER
    except TimeoutError:
        return HANGS if is_complete else NO_ANSWER
    except ConnectionError:
        return NO_ANSWER
    finally:
        writer.close()
