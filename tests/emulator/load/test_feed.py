"""Feeding: every line is acknowledged exactly once, whatever Kinesis refuses on the way."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tenacity import wait_none

from connectors.formats.envelope import unwrap
from emulator.load import feed as feeding
from emulator.load.feed import FeedRefused, KinesisRecord, Payload, feed, to_calls, to_records
from emulator.load.line_batch import LineBatch
from tests.synthetic import Load, batches

pytestmark = pytest.mark.socket


class Script:
    """Answers `PutRecords`, refusing each entry with a given chance, from a seed; keeps what it took."""

    def __init__(self, refuse: float, seed: int = 0) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.calls: list[int] = []
        self._refuse = refuse
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert StreamName == "flow-logs"
        with self._lock:
            self.calls.append(len(Records))
            answers: list[dict[str, str]] = []
            for record in Records:
                if self._rng.random() < self._refuse:
                    error = "ProvisionedThroughputExceededException"
                    answers.append({"ErrorCode": error, "ErrorMessage": "Rate exceeded"})
                else:
                    self.taken.append((record["PartitionKey"], record["Data"]))
                    answers.append({"SequenceNumber": str(len(self.taken)), "ShardId": "shardId-0"})
        return {"FailedRecordCount": sum("ErrorCode" in a for a in answers), "Records": answers}

    def lines(self) -> Counter[bytes]:
        found: Counter[bytes] = Counter()
        for _, data in self.taken:
            record = unwrap(data)
            assert record.refused is None
            found.update(record.lines.split(b"\n") if record.lines else [])
        return found


def sent(load: Load) -> Counter[bytes]:
    return Counter(line for batch in batches(load) for line in batch.text.split(b"\n"))


def run(client: Script, load: Load, payload: Payload, **options: Any) -> tuple[int, list[int]]:
    progress: list[int] = []
    options = {"rate": None, "backoff": wait_none(), **options}
    parts = batches(load, 4_000)
    done = asyncio.run(
        feed(client, "flow-logs", parts, payload=payload, on_progress=progress.append, **options)
    )
    return done, progress


@settings(max_examples=12)
@given(
    refuse=st.sampled_from([0.0, 0.05, 0.4]),
    seed=st.integers(0, 9),
    payload=st.sampled_from(["lines", "cloudwatch"]),
)
def test_every_line_is_acknowledged_exactly_once(refuse: float, seed: int, payload: Payload) -> None:
    load, client = Load(9_000, seed, enis=80), Script(refuse, seed)
    done, progress = run(client, load, payload, lines_per_record=50)
    assert done == progress[-1] == load.records
    assert progress == sorted(progress)
    assert client.lines() == sent(load)


def test_only_what_was_refused_is_put_again() -> None:
    load, client = Load(9_000, 1), Script(0.3)
    run(client, load, "lines", lines_per_record=30)
    refused = sum(client.calls) - len(client.taken)
    assert len(client.taken) == len(list(to_records(batches(load, 4_000), "lines", 30)))
    assert refused > 0


def test_gives_up_with_the_reason_when_a_stream_takes_nothing() -> None:
    client = Script(1.0)
    with pytest.raises(ExceptionGroup) as caught:
        run(client, Load(100, 1), "lines")
    refused = caught.value.exceptions[0]
    assert isinstance(refused, FeedRefused)
    assert "Rate exceeded" in str(refused)
    assert len(client.calls) == feeding.ATTEMPTS


def test_an_error_of_the_client_ends_the_feed() -> None:
    class Broken(Script):
        def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
            raise ConnectionError("gone")

    with pytest.raises(ExceptionGroup) as caught:
        run(Broken(0), Load(100, 1), "lines")
    assert isinstance(caught.value.exceptions[0], ConnectionError)


async def test_never_more_than_three_calls_in_flight() -> None:
    """Calls wait until three are there, so fewer would break the barrier, and then to see a fourth."""
    inside, most, lock = 0, 0, threading.Lock()
    together, too_many = threading.Barrier(feeding.CALLS_IN_FLIGHT, timeout=10), threading.Event()

    class Slow(Script):
        def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
                if inside > feeding.CALLS_IN_FLIGHT:
                    too_many.set()
                    together.abort()
            together.wait()
            too_many.wait(0.1)
            with lock:
                inside -= 1
            return super().put_records(StreamName=StreamName, Records=Records)

    load, client = Load(3_000, 1), Slow(0)
    parts = batches(load)
    await feed(
        client, "flow-logs", parts, payload="lines", rate=None, on_progress=lambda _: None, lines_per_record=1
    )
    assert len(client.calls) == 6  # a multiple of three, or the barrier would break
    assert most == feeding.CALLS_IN_FLIGHT


def test_a_rate_fixes_the_time_of_every_call() -> None:
    """The last of two calls is due after the lines of the first one, at the rate."""
    began = time.monotonic()
    done, _ = run(Script(0), Load(10_000, 1), "lines", rate=20_000.0)
    assert done == 10_000
    assert time.monotonic() - began >= 0.2


def test_calls_keep_to_the_limits_of_put_records() -> None:
    small = [KinesisRecord("k", b"x" * 10, 1)] * 1_201
    assert [len(call) for call in to_calls(small)] == [500, 500, 201]
    large = [KinesisRecord("k", b"x" * 1_000_000, 1)] * 9
    assert [len(call) for call in to_calls(large)] == [4, 4, 1]
    assert [len(call) for call in to_calls(small[:10], max_lines=4)] == [4, 4, 2]
    assert [len(call) for call in to_calls([KinesisRecord("k", b"x", 100)] * 2, max_lines=4)] == [1, 1]


def test_plain_records_spread_their_keys_and_repeat_them_for_the_same_seed() -> None:
    first = list(to_records(batches(Load(9_000, 1)), "lines", 100))
    again = list(to_records(batches(Load(9_000, 1)), "lines", 100))
    assert first == again
    assert [record.lines for record in first] == [100] * 90
    assert len({record.key for record in first}) == 90


def envelopes(load: Load) -> Iterator[tuple[str, dict[str, Any]]]:
    for record in to_records(batches(load, 4_000), "cloudwatch"):
        yield record.key, orjson.loads(gzip.decompress(record.data))


def test_envelopes_are_what_a_subscription_by_log_stream_delivers() -> None:
    load = Load(12_000, 1, enis=30)
    found = list(envelopes(load))
    _, control = found.pop(0)
    assert control["messageType"] == "CONTROL_MESSAGE"
    ids: list[str] = []
    for key, envelope in found:
        events = envelope["logEvents"]
        assert 0 < len(events) <= 500
        assert envelope["messageType"] == "DATA_MESSAGE"
        assert key == envelope["logStream"]
        for event in events:
            fields = event["message"].split()
            assert f"{fields[2]}-all" == key
            assert event["timestamp"] == int(fields[10]) * 1000
        own = [event["id"] for event in events]
        assert own == sorted(own)
        ids += own
    assert all(len(i) == 56 and i.isdigit() for i in ids)
    assert len(set(ids)) == len(ids) == load.records


def test_a_busy_interface_needs_several_envelopes() -> None:
    frame = next(batches(Load(1_300, 1, enis=1))).frame
    records = list(to_records([LineBatch(0, frame)], "cloudwatch"))
    assert [record.lines for record in records] == [0, 500, 500, 300]
