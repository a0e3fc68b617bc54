"""`connect s3` by listing, on a real Kafka and the emulator's S3: each test is named after its fault."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from structlog.testing import capture_logs

from connectors import metrics
from connectors.commit import committer
from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.s3 import connector
from connectors.s3 import slot as s3_slot
from connectors.s3.text import LONG_LINE
from tests.connectors.s3.scene import HEADER, Scene, connecting, key, lines, owned, packed, polled, use

pytestmark = [pytest.mark.kafka, pytest.mark.moto]


def counted(counter: Any, *labels: str) -> float:
    """Return a counter's value."""
    child = counter.labels(*labels) if labels else counter
    return float(child._value.get())


def listings() -> float:
    return counted(metrics.S3_CALLS, "ListObjectsV2", "ok")


async def listed_again(times: int = 2) -> None:
    """Wait until the bucket was listed some times more."""
    before = listings()
    # One listing is at least three calls: accounts, Regions, keys.
    await polled(lambda: listings() >= before + 4 * times)


async def test_an_object_becomes_blocks_that_say_where_they_are_from(scene: Scene) -> None:
    name = key("a1")
    scene.put(name, packed(lines("a1", 3)))
    async with connecting(scene.settings()):
        seen = await scene.until_lines(lines("a1", 3))
    (block,) = seen.blocks
    assert block["source"] == f"s3:{scene.bucket}/{name}"
    assert block["format"] == log_format(DEFAULT_FORMAT)
    assert (block["account"], block["region"]) == ("123456789012", "eu-west-1")
    whole = len("\n".join([HEADER, *lines("a1", 3), ""]))
    assert (int(block["first"]), int(block["last"])) == (len(HEADER) + 1, whole)
    modified = (await asyncio.to_thread(scene.s3.head_object, Bucket=scene.bucket, Key=name))["LastModified"]
    assert int(block["arrival_ms"]) == int(modified.timestamp() * 1000)


async def test_every_account_region_and_layout_of_a_bucket_is_found(scene: Scene) -> None:
    """Plain and Hive, daily and hourly, and the Transit Gateway's spelling, in front of them a folder."""
    day, file = key("b1").rpartition("/")[::2]
    date = day[-10:]
    year, month, d = date.split("/")
    hive = f"year={year}/month={month}/day={d}"
    other = file.replace("123456789012", "210987654321").replace("eu-west-1", "us-east-1")
    folders = [
        f"x/AWSLogs/123456789012/vpcflowlogs/eu-west-1/{date}/{file}",
        f"x/AWSLogs/123456789012/vpcflowlogs/eu-west-1/{date}/16/{file}",
        f"x/AWSLogs/210987654321/vpcflowlogs/us-east-1/{date}/{other}",
    ]
    for service in ("aws-service", "service"):
        root = f"x/AWSLogs/aws-account-id=210987654321/{service}=vpcflowlogs/aws-region=us-east-1"
        folders += [f"{root}/{hive}/{other}", f"{root}/{hive}/hour=16/{other}"]
    ignored = ["x/AWSLogs/123456789012/CloudTrail/eu-west-1/a.json.gz", "y/" + folders[0], f"{day}/notes.txt"]
    for nth, name in enumerate(folders):
        scene.put(name, packed(lines(str(nth), 2)))
    for name in ignored:
        scene.put(name, packed(lines("ignored", 2)))
    async with connecting(scene.settings(s3_prefix="x")):
        expected = [line for nth in range(len(folders)) for line in lines(str(nth), 2)]
        seen = await scene.until_lines(expected)
    places = {(block["account"], block["region"]) for block in seen.blocks}
    assert places == {("123456789012", "eu-west-1"), ("210987654321", "us-east-1")}


async def test_a_repeated_listing_changes_nothing(scene: Scene) -> None:
    """The object is not even asked for again."""
    before = counted(metrics.S3_CALLS, "GetObject", "ok")
    scene.put(key("c1"), packed(lines("c1", 5)))
    for _ in range(2):  # The second connector finds in its state what the first has done.
        async with connecting(scene.settings()):
            await scene.until_lines(lines("c1", 5))
            await listed_again()
    await scene.until_lines(lines("c1", 5))
    assert counted(metrics.S3_CALLS, "GetObject", "ok") == before + 1


async def test_an_object_in_the_same_second_and_one_that_came_late_are_read(scene: Scene) -> None:
    """Nothing that says "newer than the last" would find them."""
    scene.put(key("d1"), packed(lines("d1", 5)))
    async with connecting(scene.settings()):
        await scene.until_lines(lines("d1", 5))
        scene.put(key("d2"), packed(lines("d2", 5)))
        scene.put(key("d0", ago_s=3 * 3600), packed(lines("d0", 5)))
        scene.put(key("d9", ago_s=50 * 3600), packed(lines("beyond the look-back", 5)))
        await scene.until_lines([*lines("d1", 5), *lines("d2", 5), *lines("d0", 5)])
        await listed_again()
    await scene.until_lines([*lines("d1", 5), *lines("d2", 5), *lines("d0", 5)])


async def test_a_key_written_again_with_other_bytes_is_another_object(scene: Scene) -> None:
    name = key("e1")
    scene.put(name, packed(lines("e1", 5)))
    async with connecting(scene.settings()):
        await scene.until_lines(lines("e1", 5))
        scene.put(name, packed(lines("e2", 3)))
        await scene.until_lines([*lines("e1", 5), *lines("e2", 3)])
        scene.put(name, packed(lines("e1", 5)))  # The same bytes as once before.
        await listed_again()
    await scene.until_lines([*lines("e1", 5), *lines("e2", 3)])


async def test_a_key_with_odd_characters_is_read(scene: Scene) -> None:
    folder = "a b+c%20d&é=/|ü/"
    name = key("f1", folder=folder)
    scene.put(name, packed(lines("f1", 5)))
    async with connecting(scene.settings(s3_prefix=folder)):
        seen = await scene.until_lines(lines("f1", 5))
    assert {block["source"] for block in seen.blocks} == {f"s3:{scene.bucket}/{name}"}


async def test_the_header_defines_the_fields(scene: Scene) -> None:
    """Also of another flow log in the same bucket."""
    scene.put(key("aa"), packed(["9 eni-1 5"], "end interface-id start"))
    scene.put(key("ab"), packed(["eni-1 5 new"], "interface_id start a-field-of-tomorrow"))
    async with connecting(scene.settings()):
        seen = await scene.until_lines(["9 eni-1 5", "eni-1 5 new"])
    assert {block["format"] for block in seen.blocks} == {
        "${end} ${interface-id} ${start}",
        "${interface-id} ${start} ${a-field-of-tomorrow}",
    }


def damaged() -> bytes:
    """Return Parquet whose second half is zeros."""
    frame = pl.DataFrame({"interface_id": [f"eni-{i * i}" for i in range(5000)], "start": list(range(5000))})
    out = io.BytesIO()
    frame.write_parquet(out, compression="gzip", row_group_size=5000)
    body = out.getvalue()
    return body[:500] + bytes(len(body) // 2) + body[500 + len(body) // 2 :]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: b"\x1f\x8bnonsense", "broken gzip"),
        (lambda: packed(lines("x", 5))[:40], "truncated gzip"),
        (lambda: packed(lines("x", 5)[1:], lines("x", 1)[0]), "no header"),
        (lambda: b"", "no header"),
        (lambda: b"PAR1nonsense", "broken Parquet"),
        (damaged, "broken Parquet"),
        (lambda: parquet(pl.DataFrame({"a": [1]})), "foreign Parquet: no column of a flow log"),
        (
            lambda: parquet(pl.DataFrame({"start": [1], "interface_id": [[1]]})),
            "foreign Parquet: type of a column",
        ),
    ],
    ids=["gzip", "truncated", "header", "empty", "parquet", "damaged", "foreign", "types"],
)
async def test_a_broken_object_ends_in_dead_once_and_others_go_on(
    scene: Scene, make: Callable[[], bytes], why: str
) -> None:
    broken = key("bad", ago_s=3600)
    scene.put(broken, make())
    scene.put(key("good"), packed(lines("good", 2)))
    async with connecting(scene.settings()):
        await scene.until(lambda seen: bool(seen.dead))
        await scene.until_lines(lines("good", 2))
        await listed_again()
    seen = await scene.until_lines(lines("good", 2))
    assert [(one["why"], one["from"], one["count"]) for one in seen.dead] == [
        (why, f"s3:{scene.bucket}/{broken}", "1")
    ]


async def test_what_was_committed_before_a_break_stays_counted_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "COMMIT_BYTES", 1)
    content = lines("half", 60_000)
    body = packed(content)
    scene.put(key("half"), body[: len(body) * 9 // 10])
    async with connecting(scene.settings()):
        await scene.until(lambda seen: bool(seen.dead))
    seen = await scene.seen()
    assert 40_000 < len(seen.lines) < 60_000
    assert seen.lines == content[: len(seen.lines)]
    assert [one["why"] for one in seen.dead] == ["truncated gzip"]


async def test_a_line_longer_than_a_block_is_refused_alone(scene: Scene) -> None:
    content = [*lines("long", 2), "x" * (3 << 20), *lines("tail", 2)]
    scene.put(key("long"), packed(content))
    async with connecting(scene.settings()):
        seen = await scene.until_lines([*lines("long", 2), *lines("tail", 2)])
    assert [(one["why"], one["value"]) for one in seen.dead] == [(LONG_LINE, "x" * (1 << 20))]


def parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, compression="gzip")
    return out.getvalue()


async def test_plain_text_is_read_as_gzip_is(scene: Scene) -> None:
    scene.put(key("9a", end="log"), gzip.decompress(packed(lines("plain", 5))))
    async with connecting(scene.settings()):
        await scene.until_lines(lines("plain", 5))


async def test_two_instances_share_the_objects(scene: Scene) -> None:
    """Also when one of them leaves in the middle."""
    expected = []
    for nth in range(30):
        scene.put(key(f"{nth:02}"), packed(lines(str(nth), 10)))
        expected += lines(str(nth), 10)
    async with connecting(scene.settings()) as first:
        async with connecting(scene.settings()) as second:
            await polled(lambda: bool(owned(first)) and bool(owned(second)))
            assert not owned(first) & owned(second)
            for nth in range(30, 60):
                scene.put(key(f"{nth:02}"), packed(lines(str(nth), 10)))
                expected += lines(str(nth), 10)
            await scene.until(lambda seen: len(seen.lines) > 450)
        for nth in range(60, 70):
            scene.put(key(f"{nth:02}"), packed(lines(str(nth), 10)))
            expected += lines(str(nth), 10)
        await scene.until_lines(expected)
        assert not first._ownership.positions  # marks of other instances' objects would fill the memory
    await scene.until_lines(expected)


async def test_old_marks_are_forgotten_and_nothing_is_read_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer look-back than before finds objects again that nobody remembers: they are left alone."""
    monkeypatch.setattr(s3_slot, "PRUNE_S", 0.0)
    scene.put(key("aa", ago_s=5 * 86_400), packed(lines("old", 5)))
    far = scene.settings(s3_look_back_s=30 * 86_400)
    async with connecting(far):
        await scene.until_lines(lines("old", 5))
    monkeypatch.setattr(connector, "DAY_S", -60)  # Time has passed.
    async with connecting(scene.settings(s3_look_back_s=0)):
        for slot in range(scene.slots):  # Any commit prunes.
            for nth in range(8):
                scene.put(key(f"{slot}{nth}", ago_s=-600), packed(lines(f"{slot}{nth}", 1)))
        expected = [
            *lines("old", 5),
            *[one for s in range(scene.slots) for n in range(8) for one in lines(f"{s}{n}", 1)],
        ]
        await scene.until_lines(expected)
    monkeypatch.undo()
    use(monkeypatch, scene.account)
    async with connecting(far):
        await listed_again()
    await scene.until_lines(expected)


async def test_objects_that_are_not_flow_logs_are_counted_and_reported(scene: Scene) -> None:
    """A bucket that has only what Firehose wrote: one warning, with a key, a count, and what to do."""
    written = "flows/2026/09/21/13/flows-1-2026-09-21-13-05-00-0c0ffee.gz"
    scene.put(written, packed(lines("x", 2)))
    with capture_logs() as logs:
        async with connecting(scene.settings()):
            await scene.until_health("ignored")
            await listed_again()
    (warning,) = [one for one in logs if one["event"] == "objects are not flow logs and are not read"]
    assert (warning["log_level"], warning["count"]) == ("warning", 1)
    assert warning["example"] == f"{scene.bucket}/{written}"
    assert "vpcflow connect firehose" in warning["advice"]
    assert counted(metrics.S3_IGNORED, scene.bucket) == 1


async def test_objects_beside_flow_logs_are_counted_wherever_they_are(scene: Scene) -> None:
    """In the folder of a day, of another service, of no account, and at the root; AWS's tests are not."""
    day = key("aa").rpartition("/")[0]
    scene.put(key("aa"), packed(lines("aa", 2)))
    for name in [
        f"{day}/notes.txt",
        "AWSLogs/123456789012/CloudTrail/eu-west-1/x.json.gz",
        "AWSLogs/123456789012/x",
        "AWSLogs/o-1234/y",
        "AWSLogs/z",
        "at-the-root",
        "elsewhere/deep/er",
        *("empty/", f"{day}/aws-log-delivery-test-file"),
    ]:
        scene.put(name, b"x")
    async with connecting(scene.settings()):
        await scene.until_lines(lines("aa", 2))
        await scene.until_health("ignored")
    assert counted(metrics.S3_IGNORED, scene.bucket) == 7


async def test_flow_logs_behind_another_prefix_come_with_advice(scene: Scene) -> None:
    scene.put(key("aa", folder="prod/"), packed(lines("aa", 2)))
    async with connecting(scene.settings()):
        text = await scene.until_health("ignored")
    assert "set VPCFLOW_S3_PREFIX=prod" in text


@pytest.fixture(autouse=True)
async def topics(scene: Scene) -> None:
    await ensure_topics(KafkaConnection(scene.kafka), scene.prefix, scene.slots)
