"""Read one shard by polling: boto3 signs, finds credentials and retries; its response parser is bypassed.

botocore parses 32 k records/s, orjson a million (performance.md 2). A `before-parse` handler takes the body
away before the parser sees it. Everything else that Kinesis says still goes through boto3.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
import orjson
import pybase64
from botocore.config import Config
from localstack_client.session import Session as LocalSession

from connectors.answers import Answer, Record
from connectors.positions import Position, Shard

GET_LIMIT = 10_000  # AWS's most for one call
_RAW = "VpcflowRawBody"


def make_client(service: str = "kinesis") -> Any:
    """Return a boto3 client: for LocalStack when LOCALSTACK_HOST is set, else as AWS's settings say."""
    config = Config(retries={"mode": "standard", "max_attempts": 5}, read_timeout=20, connect_timeout=5)
    if os.environ.get("LOCALSTACK_HOST"):
        return LocalSession().client(service, config=config)
    return boto3.client(service, config=config)


class ShardReader:
    """The calls that reading a stream needs; blocking, for worker threads."""

    def __init__(self, client: Any, stream: str) -> None:
        self._client = client
        self._stream = {"StreamARN": stream} if stream.startswith("arn:") else {"StreamName": stream}
        client.meta.events.register("before-parse.kinesis.GetRecords", _keep_raw)

    def shards(self) -> list[Shard]:
        """List every shard of the stream. Raises botocore's errors."""
        shards: list[Shard] = []
        asked = self._stream
        while asked:  # boto3's paginator repeats the stream's name beside the token, which AWS refuses.
            page = self._client.list_shards(**asked)
            shards += [Shard(s["ShardId"], _parents(s)) for s in page["Shards"]]
            asked = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        return shards

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return a shard iterator that begins at a position. Raises botocore's errors."""
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if position.sequence_number:
            where = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": position.sequence_number,
            }
        elif position.at_ms:
            where = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": position.at_ms / 1000}
        answer = self._client.get_shard_iterator(**self._stream, ShardId=shard_id, **where)
        return str(answer["ShardIterator"])

    def get(self, iterator: str, limit: int = GET_LIMIT) -> Answer:
        """Read once. Raises botocore's errors."""
        answer = self._client.get_records(ShardIterator=iterator, Limit=limit)
        return parse_answer(answer[_RAW])


def _parents(shard: dict[str, Any]) -> tuple[str, ...]:
    return tuple(shard[p] for p in ("ParentShardId", "AdjacentParentShardId") if shard.get(p))


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"


def parse_answer(body: bytes) -> Answer:
    """Decode a GetRecords body (JSON 1.1)."""
    answer = orjson.loads(body)
    decode = pybase64.b64decode_as_bytearray
    records = [
        Record(
            r["SequenceNumber"],
            round(r["ApproximateArrivalTimestamp"] * 1000),
            bytes(decode(r["Data"], validate=True)),
        )
        for r in answer["Records"]
    ]
    return Answer(records, answer.get("NextShardIterator") or "", answer.get("MillisBehindLatest", 0))
