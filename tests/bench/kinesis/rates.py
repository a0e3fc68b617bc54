"""Records a second through one client, put and got, of a server: by boto3, and by `raw`.

A round is short and the servers take turns, so that what else the machine does falls on all of them; each
has the best of its rounds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from tests.bench.kinesis.raw import Raw
from tests.bench.kinesis.servers import Server

RECORD_BYTES = 1024
A_CALL = 500  # records of one PutRecords, the most there may be
TO_READ = 10_000
TRIM_HORIZON = "TRIM_HORIZON"
_PUT, _GET = "put", "get"


class Rates:
    """One server, with a stream to write to and one to read from."""

    def __init__(self, server: Server) -> None:
        self._server, self._client = server, server.client()
        self.records = records()
        for name in (_PUT, _GET):
            server.make_stream(self._client, name)
        for _ in range(TO_READ // A_CALL):
            self._client.put_records(StreamName=_GET, Records=self.records)
        self._iterator = trim_horizon(self._client, _GET)

    def put_boto3(self, round_s: float) -> float:
        """Return the records a second of PutRecords."""

        def put() -> int:
            answer = self._client.put_records(StreamName=_PUT, Records=self.records)
            assert answer["FailedRecordCount"] == 0
            return A_CALL

        return _rate(put, round_s)

    def get_boto3(self, round_s: float) -> float:
        """Return the records a second of GetRecords, read from the beginning over and over."""

        def page(iterator: str) -> tuple[int, str]:
            answer = self._client.get_records(ShardIterator=iterator)
            return len(answer["Records"]), answer["NextShardIterator"]

        return _rate(lambda: self._read_all(page), round_s)

    def get_raw(self, round_s: float) -> float:
        """Return the same of a client that does not decode."""
        with Raw(self._server.port) as raw:
            return _rate(lambda: self._read_all(raw.get_page), round_s)

    def _read_all(self, page: Callable[[str], tuple[int, str]]) -> int:
        seen, iterator = 0, self._iterator
        while seen < TO_READ:
            count, iterator = page(iterator)
            assert count
            seen += count
        return seen


def records(count: int = A_CALL, record_bytes: int = RECORD_BYTES) -> list[dict[str, Any]]:
    """Return the records of a call, the same each time."""
    chance = random.Random(1)
    return [{"PartitionKey": str(at), "Data": chance.randbytes(record_bytes)} for at in range(count)]


def trim_horizon(client: Any, stream: str) -> str:
    """Return an iterator at the beginning of a stream's first shard."""
    shard = client.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    answer = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=TRIM_HORIZON)
    return str(answer["ShardIterator"])


def _rate(work: Callable[[], int], round_s: float) -> float:
    done, began = 0, time.perf_counter()
    while True:
        done += work()
        took_s = time.perf_counter() - began
        if took_s > round_s:
            return done / took_s
