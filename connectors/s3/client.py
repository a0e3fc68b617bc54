"""GetObject of S3: the bytes of one version of an object, read in a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from connectors import metrics
from connectors.aws.calls import counted, retry_in_thread
from connectors.s3.keys import Object

CHUNK_BYTES = 256 << 10


class Body:
    """The bytes of an object, in chunks. `modified_ms` is known after the first one."""

    def __init__(self, client: Any, wanted: Object, stop: threading.Event) -> None:
        self.modified_ms = 0
        self._client, self._wanted, self._stop = client, wanted, stop
        self._stream: Any = None
        self._at, self._size = 0, -1

    def __iter__(self) -> Iterator[bytes]:
        """Yield every chunk once. Raises botocore's errors, and `Stopped`."""
        while self._at != self._size:
            chunk = retry_in_thread("GetObject", self._stop, self._next)
            if chunk:
                yield chunk

    def _next(self) -> bytes:
        try:
            if self._stream is None:
                self._open()
            chunk: bytes = self._stream.read(CHUNK_BYTES)
            if not chunk and self._at != self._size:
                raise ConnectionError("the body ended before its length")
        except (BotoCoreError, HTTPError, OSError):
            self.close()  # The next attempt opens a new one.
            raise
        self._at += len(chunk)
        return chunk

    def _open(self) -> None:
        request = {"Bucket": self._wanted.bucket, "Key": self._wanted.key}
        if self._wanted.etag:
            request["IfMatch"] = f'"{self._wanted.etag}"'
        if self._at:
            request["Range"] = f"bytes={self._at}-"
        answer = counted(metrics.S3_CALLS, "GetObject", self._client.get_object, **request)
        self._stream = answer["Body"]
        self._size = self._at + int(answer["ContentLength"])
        self.modified_ms = int(answer["LastModified"].timestamp() * 1000)

    def close(self) -> None:
        """Close the connection."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
