"""The HTTP endpoint destination. Format: Developer Guide, "HTTP endpoint delivery request and response".

Retries of a request have the same request id. The delivery has succeeded if the response has status 200 and
JSON with that id. After a 413 it is not retried.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pybase64
from isal import igzip

from emulator.firehose.buffers import BufferedRecord
from emulator.firehose.destinations.destinations import HttpTarget

if TYPE_CHECKING:
    import aiohttp

_ANSWER_S = 180.0  # "within 3 minutes"
_ANSWER_MAX_BYTES = 1 << 20
_MESSAGE_MAX_CHARACTERS = 8192
_GZIP_LEVEL = 1


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of a request. `code` is empty on success; AWS's error codes begin with `HttpEndpoint.`."""

    code: str = ""
    message: str = ""
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """One delivery request, posted until it succeeds."""

    request_id: str
    source_arn: str
    records: Sequence[BufferedRecord]


def headers(target: HttpTarget, delivery: DeliveryRequest) -> dict[str, str]:
    """Return a request's headers."""
    found = {
        "Content-Type": "application/json",
        "User-Agent": "Amazon Kinesis Data Firehose Agent/1.0",
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": delivery.request_id,
        "X-Amz-Firehose-Source-Arn": delivery.source_arn,
    }
    if target.access_key:
        found["X-Amz-Firehose-Access-Key"] = target.access_key
    if target.common_attributes:
        attributes = {"commonAttributes": dict(target.common_attributes)}
        found["X-Amz-Firehose-Common-Attributes"] = orjson.dumps(attributes).decode()
    if target.is_gzip:
        found["Content-Encoding"] = "gzip"
    return found


def body(target: HttpTarget, delivery: DeliveryRequest, now_ms: int) -> bytes:
    """Return a request's body."""
    records = (pybase64.b64encode(record.data + target.delimiter) for record in delivery.records)
    text = b'{"requestId":"%b","timestamp":%d,"records":[%b]}' % (
        delivery.request_id.encode(),
        now_ms,
        b",".join([b'{"data":"%b"}' % data for data in records]),
    )
    return igzip.compress(text, _GZIP_LEVEL) if target.is_gzip else text


def judge(status: int, answer: bytes, request_id: str) -> DeliveryResult:
    """Return the outcome of a response."""
    shown = answer.decode(errors="replace")[:_MESSAGE_MAX_CHARACTERS]
    if status != 200:
        return DeliveryResult(
            "HttpEndpoint.DestinationException",
            f"Received the following response from the endpoint destination. {shown or status}",
            is_final=status == 413,
        )
    if len(answer) > _ANSWER_MAX_BYTES:
        return DeliveryResult(
            "HttpEndpoint.ResponseTooLarge", "The response of the endpoint is larger than 1 MiB."
        )
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or value.get("requestId") != request_id or "timestamp" not in value:
        return DeliveryResult(
            "HttpEndpoint.InvalidResponseFromDestination",
            f"The response received from the specified endpoint is invalid. It must be JSON with the "
            f"requestId of the request and a timestamp: {shown}",
        )
    return DeliveryResult()


class HttpEndpoint:
    """The HTTP client of all streams. Call `close` at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, target: HttpTarget, delivery: DeliveryRequest, now_ms: int) -> DeliveryResult:
        """Post a request. Errors are returned as outcomes, not raised."""
        import aiohttp  # Loading it takes a third of a second.

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_ANSWER_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        payload = await asyncio.to_thread(body, target, delivery, now_ms)
        try:
            async with self._session.post(
                target.url,
                # aiohttp sends a file in parts, so that other tasks run in between.
                data=io.BytesIO(payload),
                headers=headers(target, delivery),
                allow_redirects=False,
            ) as response:
                answer = await _read(response.content)
                return judge(response.status, answer, delivery.request_id)
        except TimeoutError:
            return DeliveryResult(
                "HttpEndpoint.RequestTimeout", "The request timed out before a response came."
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: an invalid URL
            return DeliveryResult("HttpEndpoint.ConnectionFailed", f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read(stream: aiohttp.StreamReader) -> bytes:
    """Return a response body. Stop reading just above the size limit."""
    parts: list[bytes] = []
    size = 0
    async for part in stream.iter_any():
        parts.append(part)
        size += len(part)
        if size > _ANSWER_MAX_BYTES:
            break
    return b"".join(parts)
