"""Two ways to call Kinesis with the same words: over HTTP, as any endpoint, and directly, by a test's clock.

Requests are plain fields, so that a test can send what no SDK would. Streams get names of their own.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator
from typing import Any, cast

import boto3
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from emulator.kinesis import service
from emulator.kinesis.protocol import wire
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

DEADLINE_S = 60.0
REGION = "us-east-1"
T0_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
LONG, LONG_VALUE = "a" * 129, "b" * 257  # longer than a name or a tag's key may be, and than its value

_NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
_LIST, _MAP = "Start of list found where not expected", "Start of structure or map found where not expected."
_WRONG: dict[str, tuple[tuple[object, str], ...]] = {
    "String": (
        (True, "class java.lang.Boolean can not be converted to an String"),
        (23, f"{_NUMBER} can not be converted to an String"),
        ([], _LIST),
        ({}, _MAP),
    ),
    "Integer": (
        ("23", "class java.lang.String can not be converted to an Integer"),
        (True, "class java.lang.Boolean can not be converted to an Integer"),
        ([], _LIST),
        ({}, _MAP),
    ),
    "Boolean": (
        ("true", "'TRUE' can not be converted to an Boolean"),
        (23, f"{_NUMBER} can not be converted to an Boolean"),
        ([], _LIST),
        ({}, _MAP),
    ),
    "Timestamp": (
        ("23", "class java.lang.String can not be converted to milliseconds since epoch"),
        (True, "class java.lang.Boolean can not be converted to milliseconds since epoch"),
        ([], _LIST),
        ({}, _MAP),
    ),
    "List": (("23", "Expected list or null"), (23, "Expected list or null"), ({}, _MAP)),
    "Map": (("23", "Expected map or null"), (23, "Expected map or null"), ([], _LIST)),
    "Structure": (("23", "Expected null"), (23, "Expected null"), ([], _LIST)),
}
"""Values that are not of a type, and what AWS says of them (kinesalite's suite, helpers.js `assertType`)."""

Wrong = tuple[str, object, str]


def wrong(kind: str, *fields: str) -> list[Wrong]:
    """Return fields of a kind, each with every value that is not of it, and AWS's sentence."""
    return [(field, value, sentence) for field in fields for value, sentence in _WRONG[kind]]


def nested(field: str, value: object) -> dict[str, Any]:
    """Return the request that has a value in a field such as `Tags.a` or `Records.0.Data`."""
    within: Any = value
    for part in reversed(field.split(".")):
        within = [within] if part == "0" else {part: within}
    return cast("dict[str, Any]", within)


class Api:
    """What every test calls with. A subclass says how a request gets there."""

    account = "000000000000"
    region = REGION
    heard = ""  # the last answer over HTTP: its status and its body

    def send(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of an answer."""
        raise AssertionError("a subclass sends")

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Return what a call answers, which must be well."""
        status, body = self.send(operation, request)
        assert status == 200, (operation, status, body)
        return body

    def refusal(self, operation: str, **request: Any) -> tuple[str, str]:
        """Return the code and the message of an answer, which must be a client's fault."""
        status, body = self.send(operation, request)
        assert status == 400, (operation, status, body)
        return str(body["__type"]), str(body.get("message", body.get("Message", "")))

    def mistyped(self, operation: str, field: str, value: object) -> tuple[str, str]:
        """Return the refusal of a value in one field, which may be within another."""
        return self.refusal(operation, **nested(field, value))

    def complaints(self, operation: str, **request: Any) -> list[str]:
        """Return the sentences of a validation's refusal, without what they all have in common."""
        code, message = self.refusal(operation, **request)
        assert code == "ValidationException", (code, message)
        count, _, rest = message.partition(" detected: ")
        sentences = rest.split("; ")
        assert count == f"{len(sentences)} validation error{'s' * (len(sentences) > 1)}"
        return [sentence.replace(" failed to satisfy constraint:", "") for sentence in sentences]

    def stream(self, shards: int = 1, **more: Any) -> str:
        """Create a stream, wait for it, and return its name."""
        name = f"t-{secrets.token_hex(8)}"
        count = {} if "StreamModeDetails" in more else {"ShardCount": shards}
        self.call("CreateStream", StreamName=name, **count, **more)
        self.settle(name)
        return name

    def on_demand_stream(self, **more: Any) -> str:
        """Create an on-demand stream, wait for it, and return its name."""
        return self.stream(StreamModeDetails={"StreamMode": "ON_DEMAND"}, **more)

    def settle(self, name: str) -> dict[str, Any]:
        """Wait until a stream is ACTIVE, and return its summary."""
        raise AssertionError("a subclass waits")

    def summary(self, name: str) -> dict[str, Any]:
        """Return a stream's summary."""
        found: dict[str, Any] = self.call("DescribeStreamSummary", StreamName=name)[
            "StreamDescriptionSummary"
        ]
        return found

    def arn(self, name: str) -> str:
        """Return a stream's ARN."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"

    def shards(self, name: str, **more: Any) -> list[dict[str, Any]]:
        """Return a stream's shards."""
        found: list[dict[str, Any]] = self.call("ListShards", StreamName=name, **more)["Shards"]
        return found

    def shard_ids(self, name: str, **more: Any) -> list[int]:
        """Return the numbers of a stream's shards."""
        return [int(shard["ShardId"][-12:]) for shard in self.shards(name, **more)]

    def ranges(self, name: str) -> list[tuple[int, int]]:
        """Return the hash ranges of a stream's open shards, in order."""
        opened = self.shards(name, ShardFilter={"Type": "AT_LATEST"})
        keys = (
            (shard["HashKeyRange"]["StartingHashKey"], shard["HashKeyRange"]["EndingHashKey"])
            for shard in opened
        )
        return sorted((int(start), int(end)) for start, end in keys)

    def put(self, name: str, key: str = "k", data: str = "", **more: Any) -> dict[str, Any]:
        """Put a record."""
        return self.call("PutRecord", StreamName=name, PartitionKey=key, Data=data, **more)

    def iterator(self, name: str, kind: str = "TRIM_HORIZON", shard: int = 0, **more: Any) -> str:
        """Return an iterator."""
        answer = self.call(
            "GetShardIterator",
            StreamName=name,
            ShardId=f"shardId-{shard:012d}",
            ShardIteratorType=kind,
            **more,
        )
        return str(answer["ShardIterator"])

    def consumer(self, name: str, consumer: str = "c", **more: Any) -> str:
        """Register a consumer, wait for it, and return its ARN."""
        found = self.call("RegisterStreamConsumer", StreamARN=self.arn(name), ConsumerName=consumer, **more)
        arn = str(found["Consumer"]["ConsumerARN"])
        self.settle_consumer(arn)
        return arn

    def settle_consumer(self, arn: str) -> None:
        """Wait until a consumer is ACTIVE."""
        raise AssertionError("a subclass waits")


class HttpApi(Api):
    """Calls an endpoint, signed as SDKs sign."""

    def __init__(self, endpoint: str, session: boto3.Session) -> None:
        self._endpoint, self._session = endpoint, session
        self._http = URLLib3Session(socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])
        self._made: list[str] = []

    def send(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {
            "X-Amz-Target": f"{wire.TARGET_PREFIX}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        signed = AWSRequest("POST", self._endpoint + "/", headers, orjson.dumps(request))
        SigV4Auth(self._session.get_credentials(), "kinesis", self.region).add_auth(signed)
        answer = self._http.send(signed.prepare())
        self.heard = f"{answer.status_code} {answer.text}"
        if operation == "CreateStream" and answer.status_code == 200:
            self._made.append(request["StreamName"])
        return answer.status_code, orjson.loads(answer.content or b"{}")

    def settle(self, name: str) -> dict[str, Any]:
        for _ in _until_deadline(name):
            summary = self.summary(name)
            if summary["StreamStatus"] == "ACTIVE":
                self.account = summary["StreamARN"].split(":")[4]
                return summary
        raise AssertionError("unreachable")

    def settle_consumer(self, arn: str) -> None:
        for _ in _until_deadline(arn):
            described = self.call("DescribeStreamConsumer", ConsumerARN=arn)["ConsumerDescription"]
            if described["ConsumerStatus"] == "ACTIVE":
                return

    def close(self) -> None:
        """Delete what was made."""
        for name in self._made:
            self.send("DeleteStream", {"StreamName": name, "EnforceConsumerDeletion": True})
        self._http.close()


class OwnApi(Api):
    """Calls a store of its own at a time that only the test moves, as no other endpoint can be."""

    def __init__(self, **limits: Any) -> None:
        self.store = Store(StoreLimits(**limits))
        self.now_ms = T0_MS

    def send(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        scope = Scope(self.account, self.region)
        asked = service.HttpRequest(operation, scope, wire.CONTENT_TYPE, orjson.dumps(request))
        answer = service.answer(self.store, asked, self.now_ms)
        assert isinstance(answer.body, bytes)
        return answer.status, orjson.loads(answer.body or b"{}")

    def settle(self, name: str) -> dict[str, Any]:
        self.now_ms += self.store.limits.transition_ms
        return self.summary(name)

    def settle_consumer(self, arn: str) -> None:
        self.now_ms += self.store.limits.transition_ms


def _until_deadline(what: str) -> Iterator[None]:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        yield
    raise AssertionError(f"{what} is not ACTIVE after {DEADLINE_S} s")
