"""A request's body as it was meant: gzip and deflate are undone, with a cap on what comes out. Pure."""

from __future__ import annotations

import zlib

from isal import isal_zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BadBody(Exception):
    """The body cannot be had; `status` says why in HTTP's words, the message in a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def inflated(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return what a body with this `Content-Encoding` stands for. Raises `BadBody`.

    An encoding we do not know stays: S3 keeps it as the object's own (`aws-chunked` and the like).
    """
    if encoding not in {"gzip", "x-gzip", "deflate"} or not body:
        return body
    parts: list[bytes] = []
    left = most_bytes
    while body:  # gzip members may follow one another (RFC 1952, 2.2)
        inflater = isal_zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            part = inflater.decompress(body, left + 1)
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub does not say what it is
            raise BadBody(400, f"The body is not {encoding}: {error}.") from None
        left -= len(part)
        if left < 0:
            raise BadBody(413, f"The body is larger than {most_bytes} bytes when inflated.")
        if not inflater.eof:
            raise BadBody(400, f"The {encoding} body ends too early.")
        parts.append(part)
        body = inflater.unused_data
    return b"".join(parts)
