"""Decoders for text that a producer encoded: base64 of gzip, JSON, lines or an aggregate, and UTF-16. Pure.

`binary_name` names bytes that are not text; the name is the reason for their refusal.

AWS delivers bytes. Base64 comes from producers that put the `data` of a Lambda event or of a Firehose record
as they got it, UTF-16 from Windows' redirections. A token is taken as base64 only if what it decodes to is
one of the contents above, so a line of one word stays a line.
"""

from __future__ import annotations

import binascii
import re

import pybase64

from connectors.formats.kpl import MAGIC
from connectors.formats.texts import Refused

GZIP_MAGIC = b"\x1f\x8b"
BETWEEN_MEMBERS = b"\0\r\n"
"""Bytes that may stand between and after gzip members: padding, as `gzip` takes it, and the delimiter that
Firehose appends to each record (AppendDelimiterToRecord)."""
BROKEN_BASE64 = "broken base64 of gzip"
BROKEN_UTF16 = "broken UTF-16"

_GZIP_BEGINS = b"H4sI"  # base64 of gzip's magic and its only method
_MIN_BYTES = 16  # a shorter token is a word
_HEAD_BYTES = 400  # within which a line of a flow log has a space
_TOKENS = re.compile(rb"(?:[A-Za-z0-9+/_-]++=*+)++")
_TOKEN = re.compile(rb"[^=]+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LINES = re.compile(rb"[\x20-\x7e\t\r\n]*[ \t][\x20-\x7e\t\r\n]*")
_TEXT_BEGINS = (b"{", b"[", _GZIP_BEGINS)
_BINARY = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"PAR1", "Parquet"),
    (b"Obj\x01", "Avro"),
)
_BINARY_BEGINS = tuple(begin for begin, _ in _BINARY)
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def from_base64(data: bytes) -> bytes | None:
    """Return the content of base64 text, or None if it is not base64 of a known content. Raises `Refused`.

    The text may be cut into lines, and texts may follow each other with or without separators.
    """
    head = data[:_HEAD_BYTES].rstrip()
    if b" " in head or len(head) < _MIN_BYTES:
        return None
    squeezed = b"".join(data.split())
    is_gzip = squeezed.startswith(_GZIP_BEGINS)
    if not _TOKENS.fullmatch(squeezed):
        if is_gzip:
            raise Refused(BROKEN_BASE64)
        return None
    try:
        pieces = [_decoded(token) for token in _TOKEN.findall(squeezed)]
    except binascii.Error as error:
        if is_gzip:
            raise Refused(BROKEN_BASE64) from error
        return None
    if pieces[0].startswith((GZIP_MAGIC, MAGIC)):
        return b"".join(pieces)
    found = b"\n".join(pieces)
    is_text = found.startswith(_TEXT_BEGINS) or _LINES.fullmatch(found, 0, _HEAD_BYTES)
    return found if is_text else None


def _decoded(token: bytes) -> bytes:
    padded = token.translate(_STANDARD) + b"=" * (-len(token) % 4)
    return pybase64.b64decode(padded, validate=True)


def from_utf16(data: bytes) -> bytes:
    """Return UTF-16 text with a byte order mark as UTF-8, and other bytes as they are. Raises `Refused`."""
    encoding = _UTF16.get(data[:2])
    if encoding is None:
        return data
    try:
        return data[2:].decode(encoding).encode()
    except UnicodeError as error:
        raise Refused(BROKEN_UTF16) from error


def binary_name(data: bytes) -> str:
    """Return the name of bytes that are not text, `binary data` if it has none; empty for text."""
    if data.startswith(_BINARY_BEGINS):
        return next(f"{name} data" for begin, name in _BINARY if data.startswith(begin))
    return "binary data" if b"\0" in data[:_HEAD_BYTES] else ""
