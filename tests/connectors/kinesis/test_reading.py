"""`connect kinesis` on real Kafka and the emulator: which streams, from where, and given back in peace."""

from __future__ import annotations

import asyncio

import pytest

from connectors.kafka import health_messages
from tests.connectors.kinesis.scene import HALF, Scene, connecting, lines

pytestmark = pytest.mark.kafka


async def test_every_record_of_every_shard_is_in_one_block(scene: Scene) -> None:
    scene.create(2)
    first, second = lines("a", 300), lines("b", 300)
    scene.put(first)
    scene.put(second, at=HALF)
    async with connecting(scene.settings()):
        await scene.until_lines([*first, *second])


async def test_a_second_start_goes_on_where_the_first_was_told_to_stop(scene: Scene) -> None:
    scene.create()
    first, second = lines("a", 50), lines("b", 50)
    async with connecting(scene.settings()):
        scene.put(first)
        await scene.until_lines(first)
    scene.put(second)
    async with connecting(scene.settings()):
        await scene.until_lines([*first, *second])


async def test_what_was_read_is_committed_when_told_to_stop(scene: Scene) -> None:
    """A slot given back in peace commits what is in its queue; the next owner goes on from there."""
    scene.create()
    content = lines("a", 100)
    async with connecting(scene.settings()) as connector:
        scene.put(content)
        async with asyncio.timeout(20):
            while True:
                if any(one._committer.uncommitted_bytes for one in connector._ownership.owned.values()):
                    break
                await asyncio.sleep(0)
    assert len((await scene.seen()).lines) > 0
    async with connecting(scene.settings()):
        await scene.until_lines(content)


async def test_latest_becomes_a_place_before_anything_is_read(scene: Scene) -> None:
    scene.create(2)
    scene.put(lines("old", 5))
    scene.clock.ahead_ms += 10
    new = lines("new", 5)
    async with connecting(scene.settings(), start_ms=scene.clock.now_ms()):
        pass
    scene.put(new)
    async with connecting(scene.settings(), start_ms=scene.clock.now_ms() + 60_000):
        await scene.until_lines(new)


async def test_latest_of_a_stream_that_was_split_long_ago_reads_no_old_child(scene: Scene) -> None:
    scene.create()
    scene.split(0)
    scene.put(lines("old", 5))
    scene.clock.ahead_ms += 10
    new = lines("new", 5)
    async with connecting(scene.settings(), start_ms=scene.clock.now_ms()):
        scene.put(new)
        await scene.until_lines(new)


async def test_streams_are_found_by_pattern_and_tag_while_it_runs(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
    scene.create(name="net-one")
    scene.create(name="other")
    one, two, three = lines("one", 5), lines("two", 5), lines("three", 5)
    scene.put(lines("never", 5), name="other")
    scene.put(one, name="net-one")
    async with connecting(scene.settings(stream="net-*, tag:team=net")):
        await scene.until_lines(one)
        scene.create(name="net-two")
        scene.put(two, name="net-two")
        scene.create(name="tagged")
        scene.kinesis.add_tags_to_stream(StreamName="tagged", Tags={"team": "net"})
        scene.put(three, name="tagged")
        seen = await scene.until_lines([*one, *two, *three])
    assert {block["source"].split("/")[0] for block in seen.blocks} == {
        "kinesis:net-one",
        "kinesis:net-two",
        "kinesis:tagged",
    }


async def test_a_stream_by_its_arn(scene: Scene) -> None:
    scene.create()
    content = lines("a", 5)
    scene.put(content)
    async with connecting(scene.settings(stream=scene.described().arn)):
        await scene.until_lines(content)


async def test_a_stream_deleted_and_made_again_is_read_from_its_beginning_and_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
    scene.create()
    first, second = lines("a", 5), lines("b", 5)
    scene.put(first)
    async with connecting(scene.settings()):
        await scene.until_lines(first)
        scene.kinesis.delete_stream(StreamName=scene.stream)
        deleted = await scene.until_health(health_messages.DELETED)
        assert deleted.source == f"kinesis:{scene.stream}"
        scene.create()
        scene.put(second)
        await scene.until_lines([*first, *second])
        recreated = await scene.until_health(health_messages.RECREATED)
    assert "recreated" in recreated.text
    assert [one.kind for one in await scene.health()].count(health_messages.RECREATED) == 1


async def test_a_stream_made_again_is_not_read_under_its_old_name_after_a_rebalance(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of both are called alike, and readers ask by name: each record would be counted twice."""
    scene.create()
    first, second, third, last = (lines(name, 5) for name in "abcd")
    scene.put(first)
    async with connecting(scene.settings(stream="flow-*")) as connector:
        await scene.until_lines(first)
        scene.kinesis.delete_stream(StreamName=scene.stream)
        scene.create()  # so soon that nobody saw it missing
        scene.put(second)
        monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
        connector._look_again.set()
        await scene.until_lines([*first, *second])
        async with connecting(scene.settings(stream="flow-*")):
            scene.put(third)
            await scene.until_lines([*first, *second, *third])
        scene.put(last)
        await scene.until_lines([*first, *second, *third, *last])


async def test_a_stream_that_is_being_made_is_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS refuses to list the shards of one that is CREATING."""
    monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
    scene.create()
    content = lines("a", 5)
    scene.put(content)
    calls = 0

    def creating(client: object) -> None:
        describe = client.describe_stream_summary  # type: ignore[attr-defined]

        def described(**asked: str) -> object:
            nonlocal calls
            calls += 1
            found = describe(**asked)
            if calls < 4:
                found["StreamDescriptionSummary"]["StreamStatus"] = "CREATING"
            return found

        client.describe_stream_summary = described  # type: ignore[attr-defined]

    async with connecting(scene.settings(), make=creating):
        await scene.until_lines(content)
    assert calls >= 4


async def test_a_missing_stream_is_a_sentence(scene: Scene) -> None:
    from botocore.exceptions import ClientError

    from connectors.kinesis.client import stream_error

    with pytest.raises(ClientError) as raised:
        async with connecting(scene.settings(stream="nobody")):
            pass
    assert "create it, or set VPCFLOW_STREAM" in str(stream_error(raised.value, "http://x", "nobody"))
