"""The schema files describe what the encoders write: every topic, every kind of message."""

from __future__ import annotations

import re
from collections.abc import Coroutine, Iterator
from typing import Any

import jsonschema
import orjson
import pytest

from connectors.firehose.committed_requests import CommittedRequests
from connectors.inventory.call import Call
from connectors.inventory.network_rows import CallAnswer
from connectors.inventory.publishing import Published
from connectors.inventory.reading.sources import Sources
from connectors.inventory.reading.versions import Reading
from connectors.kafka.blocks import BlockWriter, ProgressReport, Provenance, Sent
from connectors.kafka.health_messages import DELAY, HealthRecord
from connectors.kafka.messages import FORMAT_HEADER, Message
from connectors.kafka.ownership import SOURCE_KEY
from connectors.kafka.slots import CONTRACT_KEY
from connectors.kafka.topic_settings import TOPICS
from connectors.kinesis.positions import Beginning, Position, shard_key, stream_key
from connectors.progress import BEHIND, SlotProgress, SourceProgress
from connectors.s3.keys import CommittedProgress
from connectors.settings import Work
from streams.archive.ledger import Ledger, Publication
from streams.layout import LAYOUT_KEY, Layout
from streams.numbering import Input
from streams.schemas.files import FOLDER, INDEX, read_schema
from streams.sums.conversations import encode
from streams.worker.detect import DetectHop
from streams.worker.hops import Hop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import block, line
from tests.schema_check import ARROW_TYPES, faults
from tests.streams.conversations.exact import Flow, frame
from tests.streams.topics.rows import conversations
from tests.streams.worker.kept import KeptSlot

T0 = 1_700_000_040
SETTINGS = Work.model_validate({"slots": 1, "prefix": "", "lateness_s": 60, "retention_s": 300})
WHERE = Provenance(
    "shard-0", "default", "123456789012", "us-east-1", "1", "2", (T0 + 9000) * 1000, (T0 + 9000) * 1000
)
ENI = "eni-0a1b2c3d4e5f60718"


def done(running: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration):
        running.send(None)


def passed(hop: Hop, messages: list[Message]) -> KeptSlot:
    """Feed a hop, a flush after each message; return its slot."""
    hop.slot = slot = KeptSlot({}, 0)
    done(hop.open(0.0))
    for offset, message in enumerate(messages):
        hop.offer(Input(offset, dict(message.headers), message.value or b""), 0.0)
        done(hop.flush(2.0 * offset))
    return slot


def blocks() -> BlockWriter:
    """Return a scan, ordinary traffic for twelve minutes, a late line, and a line that is none."""
    writer = BlockWriter("", 0, Sent())
    for minute in range(12):
        usual = [line(interface_id=ENI, start=T0 + 60 * minute, end=T0 + 60 * minute + 9) for _ in range(5)]
        writer.add([block(*usual)], WHERE)
    scan = [line(interface_id=ENI, action="REJECT", start=T0 + 720, dstport=port) for port in range(1, 99)]
    writer.add([block(*scan), b"no line"], WHERE)
    source = SourceProgress("shard-0", BEHIND, T0 + 9000, 5)
    writer.report(ProgressReport(SlotProgress((source,), 1, T0 + 9000, T0, 7), T0 + 9000, True))
    writer.add([block(line(interface_id=ENI, start=T0))], WHERE)
    writer.report(ProgressReport(SlotProgress(), T0 + 9000, True))
    return writer


def messages() -> Iterator[Message]:
    """Yield messages of every kind, as the processes write them."""
    writer = blocks()
    yield from writer.messages
    slots = {"sum-state": passed(SumHop(SETTINGS, 0), writer.messages)}
    slots["merge-state"] = passed(MergeHop(SETTINGS, 0), slots["sum-state"].messages("partials"))
    slots["detect-state"] = passed(DetectHop(SETTINGS, 0), slots["merge-state"].messages("finals"))
    contract = (CONTRACT_KEY, orjson.dumps({"VPCFLOW_SLOTS": 1, "VPCFLOW_WINDOW_S": 60}))
    early = passed(
        MergeHop(SETTINGS, 0), [_without_watermark(one) for one in slots["sum-state"].messages("partials")]
    )
    first = next(one for one in slots["sum-state"].messages("partials") if one.value)
    final = passed(MergeHop(SETTINGS, 0), [_with_conversations(first)])
    for topic, slot in (*slots.items(), ("merge-state", early), ("merge-state", final)):
        yield from slot.sent
        yield from (Message(topic, 0, key, value) for key, value in [*slot.kept.items(), contract])
    for key, value in [*_positions(writer).items(), contract]:
        yield Message("positions", 0, key, value)
    headers = (("count", b"2"), ("watermark", b"5"))
    yield Message("conversations", 0, None, conversations({}, {"is_other": True}), headers)
    yield from (Message("inventory", 0, key, value) for key, value in _inventory().items())
    yield from _of_archive()
    yield Message("sum-state", 0, LAYOUT_KEY, Layout().after(600, 4).encode())
    yield HealthRecord(DELAY, "kinesis:flow-logs", 1, "late", 1, 2, 3.5).message("", 0)


def _inventory() -> dict[bytes, bytes | None]:
    eni = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "Attachment": {"InstanceId": "i-1"}}
    lists = {"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "office", "OwnerId": "1"}]}
    entries = {"Entries": [{"Cidr": "192.0.2.0/24"}]}
    answers = {
        Call("ec2", "describe_managed_prefix_lists"): CallAnswer(lists),
        Call.of("ec2", "get_managed_prefix_list_entries", {"PrefixListId": "pl-1"}): CallAnswer(entries),
        Call("ec2", "describe_instances"): CallAnswer({}, "AccessDenied: no", is_complete=False),
    }
    found = Published({}).changes(
        Reading("1", "us-east-1", T0, is_first=True), Sources(interfaces=[eni]), answers, has_interfaces=True
    )
    return {**found, CONTRACT_KEY: b"{}"}


def _of_archive() -> Iterator[Message]:
    ledger = Ledger()
    ledger.replace_hour(3600, ())
    changes = ledger.changes(Publication((("staged", "path"),), ("old",)))
    contract = {CONTRACT_KEY: orjson.dumps({"VPCFLOW_SLOTS": 1})}
    for key, value in {**changes, **contract}.items():
        yield Message("archive-state", 0, key, value)


def _without_watermark(message: Message) -> Message:
    return message._replace(headers=tuple((k, b"-1" if k == "watermark" else v) for k, v in message.headers))


def _with_conversations(message: Message) -> Message:
    """Return a message of partials with conversations of the first window, which is final and kept."""
    value, more = message.value or b"", frame([Flow(1, window=T0, eni=ENI)])
    headers = {name: number for name, number in message.headers if name != "conversations_at"}
    at = int(dict(message.headers).get("conversations_at", len(value)))
    headers |= {
        "watermark": b"%d" % (T0 + 200),
        "newest_start": b"%d" % (T0 + 200),
        "conversations_at": b"%d" % at,
    }
    return message._replace(value=value[:at] + encode(more), headers=tuple(headers.items()))


def _positions(writer: BlockWriter) -> dict[bytes, bytes | None]:
    return {
        **writer.state,
        **CommittedRequests({}, {}).change(["a", "b"], 7).state,
        shard_key("flow-logs@1", "shardId-0"): Position("4957", newest=T0).encode(),
        stream_key("flow-logs@1"): Beginning(5, ("shardId-0",)).encode(),
        b"object|bucket|AWSLogs/1/a.log.gz|etag": CommittedProgress(10, 5, True).encode(),
        b"objects-pruned": b"5",
        SOURCE_KEY: b"kinesis",
    }


def test_the_messages_of_every_topic_conform_and_every_kind_is_checked() -> None:
    seen = set()
    for one in messages():
        found = faults(one.topic, one.key, one.value, [*one.headers, FORMAT_HEADER])
        assert not found, (one.topic, one.key, found)
        seen.add((one.topic, _kind(one)))
    described = {
        (topic, kind["name"]) for topic, one in read_schema(INDEX).items() for kind in one["messages"]
    }
    assert seen == described


def _kind(message: Message) -> str:
    text = None if message.key is None else message.key.decode()
    kinds = read_schema(INDEX)[message.topic]["messages"]
    return next(one["name"] for one in kinds if one["key"] is None or re.match(one["key"], text or ""))


def test_every_topic_has_a_schema_and_every_file_is_used_and_valid() -> None:
    index = read_schema(INDEX)
    assert list(index) == [topic.name for topic in TOPICS]
    named = {INDEX, "late_rows.json"}
    for one in index.values():
        for kind in one["messages"]:
            named |= {kind["value"].get("schema"), *kind["value"].get("streams", ())} - {None}
    assert named == {path.name for path in FOLDER.glob("*.json")}
    for name in named - {INDEX}:
        schema = read_schema(name)
        if "fields" in schema:
            assert {one["type"] for one in schema["fields"]} <= set(ARROW_TYPES)
        else:
            jsonschema.Draft202012Validator.check_schema(schema)


def _changed(one: Message) -> Iterator[Message]:
    """Yield variants of a message, each as a changed encoder would write it."""
    if one.value and one.value.startswith(b"{") and one.key != CONTRACT_KEY:
        found = orjson.loads(one.value)
        yield one._replace(value=orjson.dumps({**found, "new_field": 1}))
        for name in found:
            yield one._replace(value=orjson.dumps({key: v for key, v in found.items() if key != name}))
            if found[name] is not None:
                yield one._replace(value=orjson.dumps({**found, name: None}))
    yield one._replace(headers=(*one.headers, ("new_header", b"1")))
    yield from (one._replace(headers=tuple(h for h in one.headers if h != header)) for header in one.headers)
    if one.topic in {"partials", "finals"} and one.value:
        at = int(dict(one.headers).get("conversations_at", len(one.value)))
        others = tuple(header for header in one.headers if header[0] != "conversations_at")
        yield one._replace(value=_with_column(one.value[:at]), headers=others)


def _with_column(value: bytes) -> bytes:
    from streams.sums import partials

    return partials.encode(partials.decode(value).with_columns(new_column=1))


OPTIONAL = {
    name for one in read_schema(INDEX).values() for name, h in one["headers"].items() if h.get("optional")
}


def test_a_changed_encoder_does_not_conform() -> None:
    tried = 0
    for one in messages():
        for changed in _changed(one):
            lacks = {name for name, _ in one.headers} - {name for name, _ in changed.headers}
            if lacks & OPTIONAL:
                continue
            tried += 1
            assert faults(changed.topic, changed.key, changed.value, [*changed.headers, FORMAT_HEADER]), (
                changed
            )
    assert tried > 100


def test_the_late_rows_of_dead_conform() -> None:
    late = [one for one in messages() if dict(one.headers).get("why") == b"late"]
    assert late
    for one in late:
        jsonschema.validate(orjson.loads(one.value or b""), read_schema("late_rows.json"))
