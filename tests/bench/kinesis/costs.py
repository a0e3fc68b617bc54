"""What the emulator itself costs: its CPU for a record, its memory for what it retains, and at rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import cbor2
import orjson
from pybase64 import b64encode

from tests.bench.kinesis.figures import Figure, at_most
from tests.bench.kinesis.rates import A_CALL, RECORD_BYTES, records, trim_horizon
from tests.bench.kinesis.raw import CBOR, JSON, Raw
from tests.bench.kinesis.servers import Server, ours

STREAMS, SHARDS_EACH = 50, 20
IDLE_S, IDLE_CPU_SHARE = 5.0, 0.002  # one look at the clock by asyncio is 10 ms of `cpu_times`
MEMORY_PER_BYTE, MEMORY_BESIDE = 1.5, 80e6
CAP_MB = 64
CPU = "µs of CPU a record"
WARM_CALLS = 10
ROUNDS = 3
GOT_FOR_PUT = 8  # a read is so cheap that more of them are needed to see its cost
_STARTS = 3


def cpu(calls: int) -> Iterator[Figure]:
    """Measure the server's CPU for a record put and got: JSON against its targets, CBOR against JSON."""
    put, got = _cpu_of(JSON, calls)
    json_put = at_most("emulator_put_cpu_json", put, CPU, 8.0)
    json_get = at_most("emulator_get_cpu_json", got, CPU, 3.0)
    put, got = _cpu_of(CBOR, calls)
    cbor_put = Figure("emulator_put_cpu_cbor", put, CPU, 1.0, json_put)
    yield from (json_put, json_get, cbor_put, Figure("emulator_get_cpu_cbor", got, CPU, 1.0, json_get))


def _cpu_of(kind: str, calls: int) -> tuple[float, float]:
    """Return the microseconds of CPU for a record put, and got by pages of 5,000."""
    with ours() as server, Raw(server.port) as raw:
        client = server.client()
        server.make_stream(client, "s")
        body = put_body("s", RECORD_BYTES, kind)

        def put() -> int:
            raw.call("PutRecords", body, kind)
            return A_CALL

        for _ in range(WARM_CALLS):
            put()
        put_us = _least(server, put, calls * A_CALL // ROUNDS)
        request = {"ShardIterator": trim_horizon(client, "s"), "Limit": WARM_CALLS * A_CALL}
        page = orjson.dumps(request) if kind == JSON else cbor2.dumps(request)

        def get() -> int:
            return raw.call("GetRecords", page, kind).count(b"ApproximateArrivalTimestamp")

        return put_us, _least(server, get, calls * A_CALL * GOT_FOR_PUT // ROUNDS)


def _least(server: Server, work: Callable[[], int], records: int) -> float:
    """Return the microseconds of CPU for a record, in the best of some rounds: others use the cores too."""
    costs = []
    for _ in range(ROUNDS):
        done, before = 0, server.cpu_s
        while done < records:
            done += work()
        costs.append((server.cpu_s - before) * 1e6 / done)
    return min(costs)


def start() -> Iterator[Figure]:
    """Measure the time from start to the first answer."""
    starts = []
    for _ in range(_STARTS):
        with ours() as server:
            starts.append(server.start_s)
    yield at_most("emulator_start", statistics.median(starts), "s to the first answer", 0.7)


def many_shards() -> Iterator[Figure]:
    """Measure how long a thousand shards take to be made, and what they cost at rest."""
    with ours() as server:
        client = server.client()
        client.list_streams()
        began = time.perf_counter()
        for at in range(STREAMS):
            client.create_stream(StreamName=f"s{at}", ShardCount=SHARDS_EACH)
        waiting = [f"s{at}" for at in range(STREAMS)]
        while waiting:
            summary = client.describe_stream_summary(StreamName=waiting[-1])["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                assert summary["OpenShardCount"] == SHARDS_EACH
                waiting.pop()
        yield at_most("emulator_1000_shards", time.perf_counter() - began, "s to create them", 2.0)
        before = server.cpu_s
        time.sleep(IDLE_S)  # nothing is what is measured
        share = (server.cpu_s - before) / IDLE_S
        yield at_most("emulator_idle", share, "CPU-seconds a second, 50 streams at rest", IDLE_CPU_SHARE)


def memory(payload_mb: int) -> Iterator[Figure]:
    """Measure the memory for what is retained: of 1 KiB records, of small ones, and under the cap."""
    for name, record_bytes, target in (("1k", RECORD_BYTES, 1.0), ("100b", 100, None)):
        with ours() as server:
            payload_bytes = _fill(server, payload_mb * 10**6, record_bytes)
            allowed = payload_bytes * MEMORY_PER_BYTE + MEMORY_BESIDE
            share, unit = server.rss_bytes / allowed, "of payload × 1.5 + 80 MB"
            yield Figure(f"emulator_memory_{name}", share, unit, target)
            by_record = (server.rss_bytes - MEMORY_BESIDE / 2) / (payload_bytes / record_bytes)
            yield Figure(f"emulator_memory_a_record_{name}", by_record, "bytes, beside 40 MB")
    with ours("--memory-mb", str(CAP_MB)) as server:
        _fill(server, CAP_MB * 3 * 10**6, RECORD_BYTES)
        allowed = (CAP_MB << 20) * MEMORY_PER_BYTE + MEMORY_BESIDE
        share = server.rss_bytes / allowed
        yield at_most("emulator_memory_capped", share, f"of {CAP_MB} MiB × 1.5 + 80 MB", 1.0)
        is_silent = "memory cap reached" not in server.log.read_text()
        yield at_most("emulator_cap_silent", float(is_silent), "caps that were not said", 0.0)


def put_body(stream: str, record_bytes: int, kind: str = JSON) -> bytes:
    """Return a PutRecords of 500 records, ready to be sent."""
    entries = records(A_CALL, record_bytes)
    if kind == CBOR:
        return cbor2.dumps({"StreamName": stream, "Records": entries})
    for entry in entries:
        entry["Data"] = b64encode(entry["Data"]).decode()
    return orjson.dumps({"StreamName": stream, "Records": entries})


def _fill(server: Server, payload_bytes: int, record_bytes: int) -> int:
    """Put so much payload; return how much it was."""
    server.make_stream(server.client(), "s")
    body = put_body("s", record_bytes)
    calls = -(-payload_bytes // (A_CALL * record_bytes))
    with Raw(server.port) as raw:
        for _ in range(calls):
            raw.call("PutRecords", body)
    return calls * A_CALL * record_bytes
