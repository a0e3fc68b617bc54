"""The heads of HTTP/1.1 responses, and the responses to requests that no service sees."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from emulator.http.limits import date
from emulator.http.messages import Outgoing

WITHOUT_BODY = frozenset({204, 304})
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


def lines(outgoing: Outgoing, keeps: bool) -> str:
    """Return the status line and the headers, without those for the body's length."""
    status = _STATUS_LINES.get(outgoing.status) or f"HTTP/1.1 {outgoing.status} Unknown\r\n"
    rest = "".join([f"{name}: {value}\r\n" for name, value in outgoing.headers.items()])
    closing = "" if keeps else "Connection: close\r\n"
    return f"{status}{rest}Date: {date()}\r\n{closing}"


def whole(outgoing: Outgoing, method: str, keeps: bool) -> bytes:
    """Return the head of a response with a complete body. A response to HEAD may set its own length."""
    text = lines(outgoing, keeps)
    has_length = method == "HEAD" and any(name.lower() == "content-length" for name in outgoing.headers)
    if outgoing.status not in WITHOUT_BODY and not has_length:
        text += f"Content-Length: {len(cast('bytes', outgoing.body))}\r\n"
    return (text + "\r\n").encode("latin-1")


def refusal(status: int, sentence: str) -> Outgoing:
    """Return the response to a request that is malformed, too large or too slow."""
    return Outgoing(status, {"Content-Type": "text/plain; charset=utf-8"}, sentence.encode())
