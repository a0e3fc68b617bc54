"""Kinesis by `http.client` on one kept connection: a client so cheap that the server is what is measured.

Answers are not decoded: the next iterator stands at the end of one, and records are counted by their keys.
"""

from __future__ import annotations

import http.client
from types import TracebackType

import orjson

JSON = "application/x-amz-json-1.1"
CBOR = "application/x-amz-cbor-1.1"
_ITERATOR = b'"NextShardIterator":"'
_COUNTED = b"ApproximateArrivalTimestamp"
_TAIL_BYTES = 1024
_HEADERS = {
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0",
}


class Raw:
    """A connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, operation: str, body: bytes, content_type: str = JSON) -> bytes:
        """Return the body of an answer. Raises `RuntimeError` for a refusal."""
        headers = {
            **_HEADERS,
            "X-Amz-Target": f"Kinesis_20131202.{operation}",
            "Content-Type": content_type,
        }
        self._connection.request("POST", "/", body, headers)
        with self._connection.getresponse() as response:
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"{operation}: {response.status} {answer[:200]!r}")
        return answer

    def get_page(self, iterator: str) -> tuple[int, str]:
        """Return how many records stand at an iterator, and the next one."""
        answer = self.call("GetRecords", orjson.dumps({"ShardIterator": iterator}))
        return answer.count(_COUNTED), _next_iterator(answer)


def _next_iterator(answer: bytes) -> str:
    """Find the iterator near an end of the answer: servers differ in whether it comes first or last."""
    for part in (answer[-_TAIL_BYTES:], answer[:_TAIL_BYTES], answer):
        _, found, rest = part.replace(b'": "', b'":"').partition(_ITERATOR)
        if found:
            return rest.partition(b'"')[0].decode()
    raise RuntimeError("an answer without a next iterator")
