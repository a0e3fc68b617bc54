"""The decompression of request bodies (gzip and deflate), with a size limit. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from isal import isal_zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BadBody(Exception):
    """The body cannot be decompressed. `status` is the HTTP status, the message the reason."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def inflated(body: bytes, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """Return the body, decompressed by its `content-encoding`. Raises `BadBody`.

    A body with another encoding is returned unchanged: S3 stores the encoding with the object (`aws-chunked`
    and others).
    """
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in {"gzip", "x-gzip", "deflate"} or not body:
        return body
    parts: list[bytes] = []
    left = most_bytes
    while body:  # A body may have several gzip members (RFC 1952, 2.2).
        inflater = isal_zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            part = inflater.decompress(body, left + 1)
        except isal_zlib.error as error:  # type: ignore[misc]  # Its stub has no type.
            raise BadBody(400, f"The body is not {encoding}: {error}.") from None
        left -= len(part)
        if left < 0:
            raise BadBody(413, f"The body is larger than {most_bytes} bytes when inflated.")
        if not inflater.eof:
            raise BadBody(400, f"The {encoding} body ends too early.")
        parts.append(part)
        body = inflater.unused_data
    return b"".join(parts)
