"""The stream that the consumers read: what was put into it, and its split and merge."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

STREAM = "flows"
KEYS = 40
BATCH = 400  # PutRecords takes 500
ACTIVE_S = 10.0

Put = tuple[str, str]
"""A record as it is known again: its sequence number, and the SHA-256 of its data."""


@dataclass(slots=True)
class Source:
    """The stream's writer, and all that it has put: the records of each key, in order."""

    kinesis: Any
    dynamodb: Any
    put_records: dict[str, list[Put]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def put(self) -> None:
        """Put a batch over all keys."""
        entries = [
            {"PartitionKey": f"eni-{number % KEYS}", "Data": f"record {number} ".encode() * 20}
            for number in range(self.count, self.count + BATCH)
        ]
        answer = self.kinesis.put_records(StreamName=STREAM, Records=entries)
        assert answer["FailedRecordCount"] == 0
        for entry, result in zip(entries, answer["Records"], strict=True):
            sha256 = hashlib.sha256(entry["Data"]).hexdigest()
            self.put_records[entry["PartitionKey"]].append((result["SequenceNumber"], sha256))
        self.count += BATCH

    def split(self, shard: str) -> list[str]:
        """Split a shard in the middle, with records put at once and after; return its children."""
        hash_keys = self.shards()[shard]["HashKeyRange"]
        middle = (int(hash_keys["StartingHashKey"]) + int(hash_keys["EndingHashKey"]) + 1) // 2
        self.kinesis.split_shard(StreamName=STREAM, ShardToSplit=shard, NewStartingHashKey=str(middle))
        return self._children_of(shard)

    def merge(self, shard: str, adjacent: str) -> list[str]:
        """Merge two shards, with records put at once and after; return their child, in a list."""
        self.kinesis.merge_shards(StreamName=STREAM, ShardToMerge=shard, AdjacentShardToMerge=adjacent)
        return self._children_of(shard)

    def shards(self) -> dict[str, Any]:
        """Return the stream's shards by name."""
        return {shard["ShardId"]: shard for shard in self.kinesis.list_shards(StreamName=STREAM)["Shards"]}

    def consumers(self) -> set[str]:
        """Return the names of the registered consumers."""
        arn = self._summary()["StreamARN"]
        found = self.kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
        return {consumer["ConsumerName"] for consumer in found}

    def checkpoints(self, application: str) -> dict[str, str]:
        """Return how far the leases of an application say that each shard was read."""
        items = self.dynamodb.scan(TableName=application, ConsistentRead=True)["Items"]
        # Since KCL 3.5 the table holds workers and the leader as well.
        return {item["leaseKey"]["S"]: item["checkpoint"]["S"] for item in items if "checkpoint" in item}

    def await_active(self) -> None:
        """Wait until the stream can be changed again."""
        deadline = time.monotonic() + ACTIVE_S
        while (status := self._summary()["StreamStatus"]) != "ACTIVE":
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def _children_of(self, parent: str) -> list[str]:
        self.put()
        self.await_active()
        self.put()
        return sorted(name for name, shard in self.shards().items() if shard.get("ParentShardId") == parent)

    def _summary(self) -> Any:
        return self.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]


@contextmanager
def source(port: int) -> Iterator[Source]:
    """Make the stream, of two shards."""
    with ExitStack() as stack:

        def client(service: str) -> Any:
            made = boto3.Session("test", "test", region_name="us-east-1").client(
                service, endpoint_url=f"http://localhost:{port}", config=Config(retries={"max_attempts": 1})
            )
            stack.callback(made.close)
            return made

        flows = Source(client("kinesis"), client("dynamodb"))
        flows.kinesis.create_stream(StreamName=STREAM, ShardCount=2)
        flows.await_active()
        yield flows
