"""Content becomes one transaction: every chunk in one block of its origin, refusals in `dead`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.commit.content import ChunkOrigin, Content, LineChunk, Refusal, transaction
from connectors.kafka.blocks import BLOCK_MAX_BYTES, LINES_KEY, NUMBER_KEY, ProgressReport, Sent
from connectors.kafka.health_messages import HealthRecord, decode_health
from connectors.kafka.messages import Message
from connectors.progress import PROGRESS_KEY, SlotProgress

ORIGINS = [ChunkOrigin(f"s3:b/{name}", "default", "1", "eu-west-1") for name in "ab"]


def header(message: Message, name: str) -> str:
    return dict(message.headers)[name].decode()


def test_empty_content_is_a_transaction_without_messages() -> None:
    commit = transaction(Content(), 3, Sent(7, 9), "vpcflow.")
    assert Content().is_empty
    assert commit.messages == []
    assert commit.state == {NUMBER_KEY: b"7", LINES_KEY: b"9"}


def test_progress_without_chunks_is_a_block_without_lines() -> None:
    report = ProgressReport(SlotProgress((), 1, 5, 5), 5, True)
    commit = transaction(Content(), 3, Sent(7, 9), "vpcflow.", report)
    (message,) = commit.messages
    assert (message.value, header(message, "number"), header(message, "watermark")) == (b"", "8", "5")
    assert commit.state[PROGRESS_KEY] == report.progress.encode()


def test_each_part_of_the_content_goes_to_its_topic() -> None:
    content = Content(
        state={b"k": None},
        chunks=[
            LineChunk(b"2 a", ORIGINS[0], "0", "3", 9),
            LineChunk(b"2 b", ORIGINS[1], "0", "3", 9),
            LineChunk(b"2 c\n2 d", ORIGINS[0], "4", "11", 7),
        ],
        refusals=[Refusal("line too long", b"xx", "s3:b/a@11-99", 4)],
        health=[HealthRecord("gap", "s3:b", 1, "text")],
        messages=[Message("vpcflow.dead", 3, None, b"m")],
    )
    commit = transaction(content, 3, Sent(7, 9), "vpcflow.")
    first, second, dead, health, message = commit.messages
    assert {one.partition for one in commit.messages} == {3}
    assert (first.value, second.value) == (b"2 a\n2 c\n2 d", b"2 b")
    assert {name: header(first, name) for name in ("first", "last", "arrival_ms", "newest_arrival_ms")} == {
        "first": "0",
        "last": "11",
        "arrival_ms": "7",
        "newest_arrival_ms": "9",
    }
    assert [header(dead, name) for name in ("why", "count", "from")] == ["line too long", "4", "s3:b/a@11-99"]
    assert decode_health(health.value or b"") == content.health[0]
    assert message is content.messages[0]
    assert commit.state == {b"k": None, NUMBER_KEY: b"9", LINES_KEY: b"13"}
    assert commit.sent == Sent(9, 13)


@given(
    st.lists(st.tuples(st.sampled_from(ORIGINS), st.integers(1, BLOCK_MAX_BYTES // 2)), max_size=20),
    st.integers(-1, 99),
)
def test_every_chunk_is_in_one_block_of_its_origin_in_order(
    found: list[tuple[ChunkOrigin, int]], number: int
) -> None:
    chunks = [LineChunk(b"%d" % nth * size, origin, "", "", 0) for nth, (origin, size) in enumerate(found)]
    commit = transaction(Content(chunks=chunks), 0, Sent(number, 0), "vpcflow.")
    numbers = [int(header(message, "number")) for message in commit.messages]
    assert numbers == list(range(number + 1, commit.sent.number + 1))
    assert all(len(message.value or b"") <= BLOCK_MAX_BYTES for message in commit.messages)
    for origin in ORIGINS:
        blocks = [m.value or b"" for m in commit.messages if header(m, "source") == origin.source]
        texts = [text for block in blocks for text in block.split(b"\n")]
        assert texts == [chunk.text for chunk in chunks if chunk.origin == origin]
    assert commit.sent.lines == len(chunks)
