"""Kinesis called without HTTP: a client of a store, at a time that only the test moves."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from emulator.kinesis import service
from emulator.kinesis.protocol import wire
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
T0_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


class Client:
    """Calls a store directly, at a time that only the test moves."""

    def __init__(self, **limits: Any) -> None:
        self.store = Store(StoreLimits(**limits))
        self.now_ms = T0_MS
        self.scope = SCOPE

    def call(self, operation: str, **request: object) -> Any:
        body = orjson.dumps(request)
        asked = service.HttpRequest(operation, self.scope, wire.CONTENT_TYPE, body)
        answer = service.answer(self.store, asked, self.now_ms)
        assert isinstance(answer.body, bytes)
        return orjson.loads(answer.body or b"{}")

    def stream(self, name: str = "s", shards: int = 1) -> Stream:
        self.call("CreateStream", StreamName=name, ShardCount=shards)
        self.now_ms += self.store.limits.transition_ms
        stream = self.store.find(self.scope, name, self.now_ms)
        assert stream is not None
        return stream

    def put(self, *texts: str, name: str = "s", key: str = "k") -> list[Any]:
        records = [{"Data": base64.b64encode(text.encode()).decode(), "PartitionKey": key} for text in texts]
        found: list[Any] = self.call("PutRecords", StreamName=name, Records=records)["Records"]
        return found

    def iterator(self, kind: str, name: str = "s", shard: int = 0, **more: object) -> str:
        answer = self.call(
            "GetShardIterator", StreamName=name, ShardId=str(shard), ShardIteratorType=kind, **more
        )
        assert "ShardIterator" in answer, answer
        return str(answer["ShardIterator"])

    def get(self, iterator: str, **more: object) -> Any:
        return self.call("GetRecords", ShardIterator=iterator, **more)


def texts(answer: Any) -> list[str]:
    return [base64.b64decode(record["Data"]).decode() for record in answer["Records"]]
