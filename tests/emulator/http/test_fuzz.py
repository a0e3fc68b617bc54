"""The front door under random bytes, for a bounded time: no 500, no hang, and an answer afterwards."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator import server
from emulator.kinesis.operations import OPERATIONS
from emulator.kinesis.store import Store, StoreLimits

DEADLINE_S = 5.0
JSON, CBOR = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, "
    "SignedHeaders=host, Signature=00",
    "X-Amz-Date": "20260101T000000Z",
}
SHARED = settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["s", "shardId-000000000000", "0", "TRIM_HORIZON", "AAAA", "arn:aws:kinesis:us-east-1:"]
    )
)
NAMES = """
StreamName StreamARN ShardId ShardCount Records Data PartitionKey ExplicitHashKey ShardIterator Limit Tags
NextToken Timestamp ShardIteratorType ConsumerARN StartingPosition Type TagKeys StreamModeDetails
"""
names = st.sampled_from(NAMES.split())
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
requests = st.dictionaries(names, values, max_size=5)
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


class Server:
    """An emulator in a thread of its own, so that a client may wait for it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        store = Store(StoreLimits(transition_ms=0))
        self._running = self._await(server.serve(store, "127.0.0.1", 0))
        self.port = self._running.port
        assert self.post("CreateStream", b'{"StreamName":"s","ShardCount":2}')[0] == 200

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    def stop(self) -> None:
        self._await(self._running.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def post(self, operation: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Call; a status of 0 means that the connection was closed. Streams are read up to their head."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        target = {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": JSON}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("POST", "/", body, {**SIGNED, **target, **given})
            answer = connection.getresponse()
            is_stream = answer.getheader("Content-Type") == "application/vnd.amazon.eventstream"
            return answer.status, b"" if is_stream else answer.read()
        except (HTTPException, ConnectionError):
            return 0, b""
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes and the end of them; return what comes back."""
        import socket

        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                back = b""
                while part := sock.recv(1 << 16):
                    back += part
            except ConnectionError:
                return b""
            return back


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


def is_alive(emulator: Server) -> bool:
    return emulator.post("ListStreams", b"{}")[0] == 200


@SHARED
@given(st.sampled_from(sorted(OPERATIONS)), requests, st.sampled_from([JSON, CBOR]))
def test_any_values_of_any_call(emulator: Server, operation: str, request: Any, content_type: str) -> None:
    body = orjson.dumps(request) if content_type == JSON else cbor2.dumps(request)
    status, answer = emulator.post(operation, body, Content_Type=content_type)
    assert status in {200, 400}, answer


@SHARED
@given(
    st.sampled_from(sorted(OPERATIONS)) | header_texts,
    st.binary(max_size=200),
    st.sampled_from([JSON, CBOR, "application/json", "text/plain", ""]) | header_texts,
    st.sampled_from(["", "gzip", "deflate", "identity", "br"]),
    header_texts,
)
def test_any_bytes_of_any_type(
    emulator: Server, operation: str, body: bytes, content_type: str, encoding: str, authorization: str
) -> None:
    headers = {"Content_Type": content_type, "Content_Encoding": encoding, "Authorization": authorization}
    status, answer = emulator.post(operation, body, **headers)
    assert status in {400, 403, 404, 413}, answer


@SHARED
@given(requests, st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_gzip_body(emulator: Server, request: Any, place: int, change: int) -> None:
    body = bytearray(gzip.compress(orjson.dumps(request), mtime=0))
    body[place % len(body)] ^= change
    for sent in (bytes(body), bytes(body)[: place % len(body)]):
        status, answer = emulator.post("DescribeStream", sent, Content_Encoding="gzip")
        assert status in {200, 400, 413}, answer


@SHARED
@given(
    st.sampled_from([b"", b"POST / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01"]),
    st.binary(max_size=200),
)
def test_any_bytes_on_the_wire(emulator: Server, start: bytes, data: bytes) -> None:
    back = emulator.raw(start + data)
    assert b" 500 " not in back[:20]


def test_it_still_answers_afterwards(emulator: Server) -> None:
    assert is_alive(emulator)
