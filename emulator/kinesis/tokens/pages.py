"""Pagination tokens: the position of a listing, valid for five minutes."""

from __future__ import annotations

from emulator.kinesis.errors import Refused, invalid_argument
from emulator.kinesis.tokens.tokens import Value, seal, unseal

LIFETIME_MS = 300_000  # ListShards: "Tokens expire after 300 seconds"


def make(kind: str, now_ms: int, *place: Value) -> str:
    """Return the token for a position in a listing of this kind."""
    return seal((kind, now_ms, *place))


def read(kind: str, token: str, now_ms: int, length: int) -> tuple[Value, ...]:
    """Return the `length` values of a token's position. AWS's messages for bad tokens are not published."""
    values = unseal(token)
    if values is None or len(values) != length + 2 or values[0] != kind:
        raise invalid_argument("NextToken is invalid.")
    made_ms = int(values[1])
    if now_ms - made_ms > LIFETIME_MS:
        raise Refused("ExpiredNextTokenException", "NextToken has expired: it was good for 300 seconds.")
    return values[2:]
