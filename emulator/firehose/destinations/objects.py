"""The S3 destination: `PutObject` on any service, in this process or behind a client.

By default this is the emulator's own S3, called directly and not through the port, so that buffered records
can be written after the port is closed. The access key is the account number, which separates accounts. The
caller retries.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from emulator.http.messages import Incoming, Service
from emulator.scope import Scope

_ERROR = re.compile(rb"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?", re.DOTALL)


class NotWritten(Exception):
    """S3 did not accept an object. The message has its key, the status and the reason."""


class Objects:
    """The S3 client for all accounts and Regions."""

    def __init__(self, s3: Service) -> None:
        self._s3 = s3

    async def put(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        """Write an object. Raises `NotWritten`."""
        credential = f"{scope.account}/20000101/{scope.region}/s3/aws4_request"
        headers = {
            "host": "localhost",
            "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "content-type": "application/octet-stream",
            "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        }
        answer = await self._s3(Incoming("PUT", f"/{bucket}/{quote(key)}", headers, body))
        if answer.status == 200:
            return
        found = _ERROR.search(answer.body) if isinstance(answer.body, bytes) else None
        reason = b": ".join(part for part in found.groups() if part).decode() if found else "no reason given"
        raise NotWritten(f"s3://{bucket}/{key}: {answer.status} {reason}")
