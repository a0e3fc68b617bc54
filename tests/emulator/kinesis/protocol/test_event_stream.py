"""Messages as botocore reads them, and byte for byte as the format's description has them."""

from __future__ import annotations

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol import event_stream
from emulator.kinesis.protocol.wire import CBOR_CONTENT_TYPE, CONTENT_TYPE, Format


def read(raw: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    return [(message.headers, message.payload) for message in buffer]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_events_come_back_in_order_and_whole(payloads: list[bytes]) -> None:
    raw = b"".join(event_stream.event("SubscribeToShardEvent", each, Format.JSON) for each in payloads)
    headers = {
        ":message-type": "event",
        ":event-type": "SubscribeToShardEvent",
        ":content-type": CONTENT_TYPE,
    }
    assert read(raw) == [(headers, each) for each in payloads]


def test_the_first_message_answers_the_call() -> None:
    for format, payload in ((Format.JSON, b"{}"), (Format.CBOR, b"\xa0")):
        ((headers, got),) = read(event_stream.initial_response(format))
        assert (headers[":event-type"], headers[":content-type"]) == ("initial-response", format.value)
        assert got == payload


def test_an_exception_is_a_message_of_its_own_type() -> None:
    ((headers, payload),) = read(event_stream.exception(Refused("ResourceInUseException", "no"), Format.JSON))
    assert headers == {
        ":message-type": "exception",
        ":exception-type": "ResourceInUseException",
        ":content-type": CONTENT_TYPE,
    }
    assert payload == b'{"message":"no"}'
    ((headers, payload),) = read(event_stream.exception(Refused("ResourceInUseException", "no"), Format.CBOR))
    assert (headers[":content-type"], payload) == (CBOR_CONTENT_TYPE, b"\xa1\x67message\x62no")


def test_the_smallest_message_is_the_known_one() -> None:
    """The vector `empty_message` of AWS's own SDKs' tests: no headers, no payload."""
    assert event_stream.message(b"", b"").hex() == "000000100000000005c248eb7d98c8ff"


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_flipped_byte_is_noticed(place: int, change: int) -> None:
    raw = bytearray(event_stream.event("E", b"payload", Format.JSON))
    place %= len(raw)
    if place < 8:  # a wrong length is found by the prelude's own sum
        place += 8
    raw[place] ^= change
    with pytest.raises(ChecksumMismatch):
        read(bytes(raw))
