"""The state after a growth: every key is where its owner looks for it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from connectors.firehose.committed_requests import CommittedRequests
from connectors.kafka.messages import Message
from connectors.kafka.partitioner import slot_of
from connectors.kinesis.positions import Beginning, Position, shard_key, slot_of_shard, stream_key
from connectors.progress import NONE, PROGRESS_KEY, SlotProgress, SourceProgress, decode_progress
from connectors.s3.keys import CommittedProgress
from streams.alerts.evaluator import Evaluator
from streams.layout import LAYOUT_KEY, Layout
from streams.topics.growth import moves
from tests.streams.topics.rows import ALERT

OLD, NEW = 4, 8
State = dict[int, dict[bytes, bytes]]


def after(state: State, messages: Iterable[Message]) -> State:
    """Return a state with some messages."""
    found: State = {slot: dict(state.get(slot, {})) for slot in range(NEW)}
    for one in messages:
        if one.value is None:
            found[one.partition].pop(one.key or b"", None)
        else:
            found[one.partition][one.key or b""] = one.value
    return found


def positions() -> State:
    """Return the positions of 40 shards, 40 objects and 40 requests in four slots."""
    state: State = {slot: {b"number": b"%d" % slot, b"source": b"kinesis"} for slot in range(OLD)}
    for n in range(40):
        shard, key = f"shardId-{n:012}", f"AWSLogs/1/{n}|x.log.gz"
        state[slot_of_shard("s@1", shard, OLD)][shard_key("s@1", shard)] = Position(str(n)).encode()
        mark = f"object|bucket|{key}|etag".encode()
        state[slot_of(f"bucket/{key}", OLD)][mark] = CommittedProgress(n).encode()
        slot = slot_of(f"request-{n}", OLD)
        seen: dict[bytes, bytes] = {}
        requests = CommittedRequests(state[slot], seen)
        state[slot] |= {k: v or b"" for k, v in requests.change([f"request-{n}"], n).state.items()}
    state[slot_of("s@1", OLD)][stream_key("s@1")] = Beginning(5).encode()
    for slot in range(OLD):
        source = SourceProgress("a", "behind", 100 + slot)
        state[slot][PROGRESS_KEY] = SlotProgress((source,), 1, 500, 900, 7).encode()
    return state


def test_positions_are_where_their_new_owners_look() -> None:
    grown = after(positions(), moves.positions("positions", positions(), NEW))
    for n in range(40):
        shard, key = f"shardId-{n:012}", f"AWSLogs/1/{n}|x.log.gz"
        where = [slot for slot in range(NEW) if shard_key("s@1", shard) in grown[slot]]
        assert where == [slot_of_shard("s@1", shard, NEW)]
        where = [slot for slot in range(NEW) if f"object|bucket|{key}|etag".encode() in grown[slot]]
        assert where == [slot_of(f"bucket/{key}", NEW)]
        requests = CommittedRequests(grown[slot_of(f"request-{n}", NEW)], seen := {})
        assert not any(requests.load())
        assert seen
        assert f"request-{n}" in requests
        assert "request-40" not in requests
    assert [stream_key("s@1") in grown[slot] for slot in range(NEW)].index(True) == slot_of("s@1", NEW)
    assert {grown[slot][b"source"] for slot in range(NEW)} == {b"kinesis"}
    assert {slot: grown[slot].get(b"number") for slot in range(5)} == {n: b"%d" % n for n in range(4)} | {
        4: None
    }


def test_no_slot_promises_more_than_the_slowest_did() -> None:
    grown = after(positions(), moves.positions("positions", positions(), NEW))
    assert {decode_progress(grown[slot][PROGRESS_KEY]).hold for slot in range(NEW)} == {100}
    state = positions()
    del state[2][PROGRESS_KEY]  # A slot without a report has sources that are not read.
    grown = after(state, moves.positions("positions", state, NEW))
    assert {decode_progress(grown[slot][PROGRESS_KEY]).hold for slot in range(NEW)} == {NONE}


def test_sums_continue_their_numbers_and_begin_those_of_new_partitions() -> None:
    place = {
        "read": [7, 70, 9],
        "sent": [[5, 50]] * OLD,
        "newest": 6000,
        "watermark": [1, True],
        "counts": {},
    }
    contract = orjson.dumps({"VPCFLOW_WINDOW_S": 60, "VPCFLOW_SLOTS": OLD})
    state: State = {p: {b"place": orjson.dumps(place), b"contract": contract} for p in range(OLD)}
    until = moves.first_new_window(state)
    assert until % 60 == 0
    assert until > 6000 + moves.MARGIN_S + 60
    grown = after(state, [*moves.sums("s", state, NEW, until), *moves.contracts("s", state, NEW)])
    assert {Layout.load(grown[p][LAYOUT_KEY]) for p in range(NEW)} == {Layout(((until, OLD),))}
    assert orjson.loads(grown[0][b"place"]) == {**place, "sent": [[5, 50]] * OLD + [[-1, 0]] * OLD}
    assert b"place" not in grown[4]
    known = {"VPCFLOW_WINDOW_S": 60, "VPCFLOW_SLOTS": NEW}
    assert all(orjson.loads(grown[p][b"contract"]) == known for p in range(NEW))
    assert moves.first_new_window({0: {}}) == 0


def test_alerts_and_baselines_move_with_their_interface() -> None:
    enis = [f"eni-{n}" for n in range(64)]
    state: State = {q: {} for q in range(OLD)}
    for n, eni in enumerate(enis):
        q, bucket = moves.partition_of(eni, OLD), b"usual|%d" % (n % 3)
        document = orjson.loads(state[q].get(bucket, b'{"format":1,"interfaces":{}}'))
        document["interfaces"][eni] = [n, 2, 3.0, 4.0, 5.0, 6.0]
        state[q] |= {bucket: orjson.dumps(document), b"life|%016x" % n: orjson.dumps({"eni": eni})}
    grown = after(state, moves.detects("d", state, NEW))
    for n, eni in enumerate(enis):
        q, bucket = moves.partition_of(eni, NEW), b"usual|%d" % (n % 3)
        assert [p for p in range(NEW) if b"life|%016x" % n in grown[p]] == [q]
        found = [
            p
            for p in range(NEW)
            if eni in orjson.loads(grown[p].get(bucket, b'{"interfaces":{}}'))["interfaces"]
        ]
        assert found == [q]
    assert Evaluator.load({k: v for k, v in grown[5].items() if k.startswith(b"usual")})


def test_the_newest_transition_of_an_alert_is_in_one_partition() -> None:
    old, new = (moves.partition_of(ALERT.labels["eni"], slots) for slots in (OLD, NEW))
    state: State = {q: {} for q in range(OLD)}
    state[old][b"a"] = ALERT.encode()
    grown = after(state, moves.alerts("alerts", state, NEW))
    assert [q for q in range(NEW) if b"a" in grown[q]] == [new]
