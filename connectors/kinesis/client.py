"""The calls of one stream with boto3, apart from GetRecords (`get_records.py`).

The answer of GetRecords is decoded here: botocore's parser reads 32 k records/s, orjson a million.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import orjson
import pybase64
from botocore.exceptions import ClientError

from connectors.aws.errors import user_error
from connectors.errors import ConnectError
from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
from connectors.kinesis.positions import WHOLE, Position, Shard, Stream


class StreamReader:
    """The calls for reading one stream. They block, for worker threads, and raise botocore's errors."""

    def __init__(self, client: Any, named: str) -> None:
        self._client, self.named = client, named
        self._stream = {"StreamARN": named} if named.startswith("arn:") else {"StreamName": named}

    def describe(self) -> Stream:
        """Return the description of the stream."""
        found = self._client.describe_stream_summary(**self._stream)["StreamDescriptionSummary"]
        created_ms = round(found["StreamCreationTimestamp"].timestamp() * 1000)
        is_active = found["StreamStatus"] in {"ACTIVE", "UPDATING"}  # else its shards cannot be listed
        hours = found["RetentionPeriodHours"]
        return Stream(found["StreamName"], found["StreamARN"], created_ms, hours, is_active)

    def shards(self) -> list[Shard]:
        """Return every shard of the stream."""
        shards: list[Shard] = []
        asked = self._stream
        while asked:  # boto3's paginator repeats the stream's name beside the token, which AWS refuses.
            page = self._client.list_shards(**asked)
            shards += [Shard(s["ShardId"], _parents(s)) for s in page["Shards"]]
            asked = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        return shards

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return a shard iterator that begins at a position."""
        answer = self._client.get_shard_iterator(**self._stream, ShardId=shard_id, **_where(position))
        return str(answer["ShardIterator"])

    def subscribe(
        self, consumer: str, shard_id: str, position: Position
    ) -> Generator[GetRecordsResponse, None, None]:
        """Yield the events of `SubscribeToShard` as answers. Kinesis ends them after five minutes."""
        where = _where(position)
        start = {"Type": where.pop("ShardIteratorType")}
        start |= {name.removeprefix("Starting"): value for name, value in where.items()}
        answer = self._client.subscribe_to_shard(
            ConsumerARN=consumer, ShardId=shard_id, StartingPosition=start
        )
        with closing(answer["EventStream"]) as events:
            for event in events:
                if found := event.get("SubscribeToShardEvent"):
                    yield _pushed(found)

    @property
    def by_arn(self) -> dict[str, str]:
        """Return the stream's ARN for calls with an iterator; only a stream of another account needs it."""
        return {name: value for name, value in self._stream.items() if name == "StreamARN"}


def stream_error(error: Exception, endpoint: str, streams: str) -> ConnectError | None:
    """Return what an operator must do about an error of a call, or None if that is not known."""
    operation = error.operation_name if isinstance(error, ClientError) else ""
    service = "ec2" if operation == "DescribeFlowLogs" else "kinesis"
    return user_error(error, f"{service}:{operation}", f"{streams!r} at {endpoint}", endpoint)


def _where(position: Position) -> dict[str, Any]:
    if position.sequence_number:
        inside = position.sub != WHOLE  # the aggregate has to be read again
        return {
            "ShardIteratorType": "AT_SEQUENCE_NUMBER" if inside else "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": position.sequence_number,
        }
    if position.at_ms:
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": position.at_ms / 1000}
    return {"ShardIteratorType": "TRIM_HORIZON"}


def _parents(shard: dict[str, Any]) -> tuple[str, ...]:
    return tuple(shard[p] for p in ("ParentShardId", "AdjacentParentShardId") if shard.get(p))


def _pushed(event: dict[str, Any]) -> GetRecordsResponse:
    records = [
        KinesisRecord(
            r["SequenceNumber"], round(r["ApproximateArrivalTimestamp"].timestamp() * 1000), r["Data"]
        )
        for r in event["Records"]
    ]
    return GetRecordsResponse(
        records, event.get("ContinuationSequenceNumber") or "", event.get("MillisBehindLatest", 0)
    )


def parse_answer(body: bytes) -> GetRecordsResponse:
    """Decode a GetRecords body (JSON 1.1)."""
    answer = orjson.loads(body)
    decode = pybase64.b64decode
    records = [
        KinesisRecord(
            r["SequenceNumber"],
            round(r["ApproximateArrivalTimestamp"] * 1000),
            decode(r["Data"], validate=True),
        )
        for r in answer["Records"]
    ]
    return GetRecordsResponse(
        records, answer.get("NextShardIterator") or "", answer.get("MillisBehindLatest", 0)
    )
