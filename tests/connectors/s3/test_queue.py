"""`connect s3` by an SQS queue, on a real Kafka and the emulator's S3 and SQS: one test for each fault."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from connectors import metrics
from connectors.kafka import health_messages
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.s3.connector import s3_caller
from connectors.s3.discovery import queue
from tests.connectors.s3.discovery.test_notifications import by_eventbridge, by_sns, event
from tests.connectors.s3.doorway import doorway
from tests.connectors.s3.scene import Scene, connecting, key, lines, owned, packed, polled, use

pytestmark = [pytest.mark.kafka, pytest.mark.moto]

LONG = 400_000  # lines: 40 MB of text, 4 MB of gzip


@pytest.fixture(autouse=True)
async def topics(scene: Scene) -> None:
    await ensure_topics(KafkaConnection(scene.kafka), scene.prefix, scene.slots)


def messages(outcome: str) -> float:
    return float(metrics.S3_MESSAGES.labels(outcome)._value.get())


def objects(outcome: str) -> float:
    return float(metrics.S3_OBJECTS.labels(outcome)._value.get())


async def test_what_s3_tells_is_read_and_deleted_and_its_test_event_too(scene: Scene) -> None:
    """A key with odd characters is encoded in the event as forms are; a deletion has nothing to read."""
    url = scene.queue()
    before = {name: messages(name) for name in ("objects", "test", "no new object")}
    odd = key("aa", folder="a b+c%20d&é=/|ü/")
    scene.put(odd, packed(lines("odd", 5)))
    removal = json.dumps(event(odd, bucket=scene.bucket, name="ObjectRemoved:Delete"))
    scene.sqs.send_message(QueueUrl=url, MessageBody=removal)
    async with connecting(scene.settings(s3_queue=url)):
        seen = await scene.until_lines(lines("odd", 5))
        await polled(lambda: scene.left(url) == 0)
    assert {block["source"] for block in seen.blocks} == {f"s3:{scene.bucket}/{odd}"}
    assert {name: messages(name) - count for name, count in before.items()} == {
        "objects": 1,
        "test": 1,
        "no new object": 1,
    }


TRAIL = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/09/21/x.json.gz"


async def test_queue_messages_for_other_readers_stay_in_the_queue(scene: Scene) -> None:
    """Of another bucket, of a key that is no flow log, and no event at all; one warning has an example."""
    url = scene.queue(told=False)
    theirs = [
        json.dumps(event(TRAIL, bucket=scene.bucket)),
        json.dumps(event(key("zz"), bucket="another")),
        json.dumps(by_sns({"order": 7})),
    ]
    name = key("aa")
    etag = scene.put(name, packed(lines("aa", 5)))
    for body in [*theirs, notice(scene, etag, name)]:
        scene.sqs.send_message(QueueUrl=url, MessageBody=body)
    before = left("foreign"), left("not understood")
    with capture_logs() as logs:
        async with connecting(scene.settings(s3_queue=url)):
            await scene.until_lines(lines("aa", 5))
            await polled(lambda: scene.left(url) == len(theirs))
            await polled(lambda: left("foreign") == before[0] + 2)
            # Another reader of the queue receives all of them, while the connector runs.
            found: set[str] = set()
            await polled(lambda: taken(scene, url, found) == set(theirs))
        assert (left("foreign") - before[0], left("not understood") - before[1]) == (2, 1), "each is one"
    (warning,) = [one for one in logs if "stay in the queue" in one["event"]]
    assert warning["log_level"] == "warning"
    assert warning["count"] >= 1
    assert warning["example"]
    assert any("ignored" in str(one.value) for one in await scene.messages(f"{scene.prefix}health"))


async def test_a_message_of_another_reader_comes_back_less_and_less_often(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the connector would spin on it, and use up the receives that a redrive policy allows."""
    shown: list[int] = []
    original = queue.return_after_s
    monkeypatch.setattr(queue, "return_after_s", lambda n: shown.append(original(n)) or shown[-1])
    url = scene.queue(told=False)
    scene.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event(TRAIL, bucket=scene.bucket)))
    async with connecting(scene.settings(s3_queue=url)):
        await polled(lambda: len(shown) >= 3)
    assert shown[:3] == [1, 2, 4]


async def test_a_message_that_mixes_ours_and_others_is_read_and_stays(scene: Scene) -> None:
    url = scene.queue(told=False)
    name = key("aa")
    etag = scene.put(name, packed(lines("aa", 5)))
    scene.sqs.send_message(QueueUrl=url, MessageBody=notice(scene, etag, name, TRAIL))
    before = left("mixed")
    async with connecting(scene.settings(s3_queue=url)):
        await scene.until_lines(lines("aa", 5))
        found: set[str] = set()
        await polled(lambda: len(taken(scene, url, found)) == 1)
        await scene.until_lines(lines("aa", 5))
    assert left("mixed") == before + 1


def left(reason: str) -> float:
    return float(metrics.S3_LEFT.labels(reason)._value.get())


def notice(scene: Scene, etag: str, *names: str) -> str:
    """Return the body of S3's message about objects of one ETag."""
    return json.dumps(event(*names, bucket=scene.bucket)).replace('"e1"', json.dumps(etag.strip('"')))


def taken(scene: Scene, url: str, found: set[str]) -> set[str]:
    """Receive as another reader; add the bodies to `found`, and return it."""
    for message in scene.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages") or ():
        found.add(message["Body"])
    return found


async def test_sns_eventbridge_and_repeats_of_them_are_one_object(scene: Scene) -> None:
    url = scene.queue(told=False)
    name = key("aa")
    etag = scene.put(name, packed(lines("aa", 5))).strip('"')
    bodies = [
        json.dumps(value).replace('"e1"', f'"{etag}"')
        for value in (
            event(name, bucket=scene.bucket),
            by_sns(event(name, bucket=scene.bucket)),
            by_eventbridge(name, bucket=scene.bucket),
        )
    ]
    async with connecting(scene.settings(s3_queue=url, s3_bucket="")):
        for body in bodies * 3:
            scene.sqs.send_message(QueueUrl=url, MessageBody=body)
        await polled(lambda: scene.left(url) == 0)
    await scene.until_lines(lines("aa", 5))


async def test_a_message_that_says_nothing_is_copied_to_dead_once_and_stays(scene: Scene) -> None:
    url = scene.queue(told=False)
    scene.sqs.send_message(QueueUrl=url, MessageBody="what is this?")
    receives = metrics.S3_CALLS.labels("ChangeMessageVisibility", "ok")._value.get
    before = receives()
    async with connecting(scene.settings(s3_queue=url)):
        await polled(lambda: receives() >= before + 3)
    assert scene.left(url) == 1
    (dead,) = (await scene.seen()).dead
    assert (dead["why"], dead["value"]) == ("notification not understood", "what is this?")
    assert dead["from"].startswith(f"sqs:{url}@")


async def test_objects_that_vanished_or_were_replaced_are_counted_and_settled(scene: Scene) -> None:
    url = scene.queue()
    gone, again = key("aa"), key("ab")
    before = {name: objects(name) for name in ("vanished", "replaced")}
    scene.put(gone, packed(lines("gone", 5)))
    scene.s3.delete_object(Bucket=scene.bucket, Key=gone)
    scene.put(again, packed(lines("first", 5)))
    scene.put(again, packed(lines("second", 5)))
    async with connecting(scene.settings(s3_queue=url)):
        await scene.until_lines(lines("second", 5))
        await polled(lambda: scene.left(url) == 0)
        loss = await scene.until_health(health_messages.OBJECT_GONE)
    assert {name: objects(name) - count for name, count in before.items()} == {"vanished": 1, "replaced": 1}
    assert loss == f"1 objects were deleted before they were read, for example {gone}"
    assert not (await scene.seen()).dead


async def test_sqs_redelivery_during_a_long_object_reads_it_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is kept invisible for longer than it was received for, and a second copy of it waits."""
    monkeypatch.setattr(queue, "VISIBLE_AFTER_S", 2)
    monkeypatch.setattr(queue, "RENEW_S", 0.5)
    url = scene.queue()
    content = lines("long", LONG)
    name = key("aa")
    etag = scene.put(name, packed(content)).strip('"')
    settings = scene.settings(s3_queue=url)
    renewed = metrics.S3_CALLS.labels("ChangeMessageVisibility", "ok")._value.get
    async with doorway(scene.account.url) as door:
        door.hold_after = 1 << 20
        use(monkeypatch, scene.account, door.url)
        async with connecting(settings):
            await door.is_held.wait()
            body = json.dumps(event(name, bucket=scene.bucket)).replace('"e1"', f'"{etag}"')
            scene.sqs.send_message(QueueUrl=url, MessageBody=body)
            before, received = renewed(), messages("objects")
            await polled(lambda: renewed() >= before + 10)  # Two seconds and more of both messages.
            door.open.set()
            await scene.until_lines(content)
            await polled(lambda: scene.left(url) == 0)
    await scene.until_lines(content)
    assert messages("objects") == received + 2, "neither was seen by anyone again"


async def test_two_instances_give_each_other_what_is_the_others(scene: Scene) -> None:
    """A message of one object goes to its slot's owner; one of many is deleted when both have done theirs."""
    url = scene.queue(told=False)
    settings = scene.settings(s3_queue=url)
    names = [key(f"{nth:02}") for nth in range(12)]
    etags = {name: scene.put(name, packed(lines(name[-30:], 3))).strip('"') for name in names}
    expected = [line for name in names for line in lines(name[-30:], 3)]
    async with connecting(settings) as first, connecting(settings) as second:
        await polled(lambda: bool(owned(first)) and bool(owned(second)))
        for name in names[:6]:
            body = json.dumps(event(name, bucket=scene.bucket)).replace('"e1"', f'"{etags[name]}"')
            await s3_caller().call("SendMessage", scene.sqs.send_message, QueueUrl=url, MessageBody=body)
        many = event(*names[6:], bucket=scene.bucket)
        for one, name in zip(many["Records"], names[6:], strict=True):
            one["s3"]["object"]["eTag"] = etags[name]
        await s3_caller().call(
            "SendMessage", scene.sqs.send_message, QueueUrl=url, MessageBody=json.dumps(many)
        )
        await scene.until_lines(expected)
        await polled(lambda: scene.left(url) == 0)
    await scene.until_lines(expected)
