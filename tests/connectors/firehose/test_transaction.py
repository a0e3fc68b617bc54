"""Requests become one transaction: blocks by origin, what is refused, and their marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.commit.content import Commit, Refusal, transaction
from connectors.firehose.body import Posted, RequestChunk
from connectors.firehose.headers import Origin
from connectors.firehose.transaction import content_of
from connectors.kafka.blocks import BLOCK_MAX_BYTES, LINES_KEY, NUMBER_KEY, Sent
from connectors.kafka.messages import Message

ORIGIN = Origin("flows", "default", "111122223333", "eu-west-1")
OTHER = Origin("flows", "version start", "111122223333", "eu-west-1")
MARKS: dict[bytes, bytes | None] = {b"requests|0": b"marks"}


def request(name: str, *texts: bytes, origin: Origin = ORIGIN, arrival_ms: int = 7) -> Posted:
    chunks = tuple(RequestChunk(text, f"{name}/{i}", f"{name}/{i}", origin) for i, text in enumerate(texts))
    size = sum(len(text) for text in texts)
    return Posted(name, origin, arrival_ms, chunks, (), len(texts), 0, size)


def committed(*requests: Posted, number: int = 4) -> Commit:
    return transaction(content_of(requests, MARKS), 3, Sent(number), "vpcflow.")


def header(message: Message, name: str) -> str:
    return dict(message.headers)[name].decode()


def test_requests_are_marked_in_the_transaction_of_their_lines() -> None:
    commit = committed(request("a", b"2 a"), request("b"))
    assert commit.state == {**MARKS, NUMBER_KEY: b"5", LINES_KEY: b"1"}
    assert [(m.topic, m.partition, m.value) for m in commit.messages] == [("vpcflow.blocks", 3, b"2 a")]
    assert commit.sent.number == 5


def test_requests_of_one_origin_share_blocks() -> None:
    commit = committed(
        request("a", b"2 a", b"2 b", arrival_ms=9),
        request("b", b"1 1", origin=OTHER),
        request("c", b"2 c", arrival_ms=8),
    )
    first, second = commit.messages
    assert (first.value, second.value) == (b"2 a\n2 b\n2 c", b"1 1")
    assert [header(first, n) for n in ("number", "first", "last", "arrival_ms")] == ["5", "a/0", "c/0", "8"]
    assert [header(second, n) for n in ("number", "format")] == ["6", "version start"]
    assert header(first, "source") == "firehose:flows"


def test_what_was_refused_is_kept_without_a_block() -> None:
    left = Posted("", ORIGIN, 7, (), (Refusal("malformed", b"{", "firehose:flows@a"),), 0, 0, 1)
    commit = committed(left)
    assert commit.state == {**MARKS, NUMBER_KEY: b"4", LINES_KEY: b"0"}
    (dead,) = commit.messages
    assert (dead.topic, dead.value, header(dead, "why")) == ("vpcflow.dead", b"{", "malformed")


@given(st.lists(st.lists(st.integers(1, BLOCK_MAX_BYTES // 2), max_size=4), max_size=5), st.booleans())
def test_every_chunk_is_in_one_block_and_numbers_have_no_gap(sizes: list[list[int]], mixed: bool) -> None:
    requests = [
        request(str(n), *(b"%d" % n * size for size in some), origin=OTHER if mixed and n % 2 else ORIGIN)
        for n, some in enumerate(sizes)
    ]
    commit = committed(*requests)
    assert [int(header(m, "number")) for m in commit.messages] == list(range(5, commit.sent.number + 1))
    texts = sorted(t for m in commit.messages if m.value for t in m.value.split(b"\n"))
    assert texts == sorted(chunk.text for one in requests for chunk in one.chunks)
    assert all(len(m.value or b"") <= BLOCK_MAX_BYTES for m in commit.messages)
