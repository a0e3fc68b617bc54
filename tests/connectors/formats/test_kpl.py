"""KPL aggregates: those that AWS's library made are split as it splits them; what is damaged is refused."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats import kpl
from connectors.formats.envelope import unwrap
from connectors.formats.kpl import USER_RECORDS_MAX, BadAggregate, is_aggregate, split
from tests.build import aggregate, field, sealed, varint

GOLDEN = Path(__file__).parents[2] / "data" / "kpl"  # how they were made: make.py beside them
EXPECTED: dict[str, list[str]] = orjson.loads((GOLDEN / "expected.json").read_bytes())
KEY = b"\x08\x00"  # a Record's partition_key_index


def user_record(data: bytes) -> bytes:
    return field(3, KEY + field(3, data))


def refusal(data: bytes) -> str:
    """Return why an aggregate is refused, or nothing."""
    try:
        split(data)
    except BadAggregate as why:
        return str(why)
    return ""


def golden(name: str) -> tuple[bytes, list[bytes]]:
    return (GOLDEN / f"{name}.bin").read_bytes(), [base64.b64decode(one) for one in EXPECTED[name]]


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_split_as_awss_own_library_splits_it(name: str) -> None:
    data, expected = golden(name)
    assert is_aggregate(data)
    assert split(data) == expected
    assert len(expected) >= 1


def test_every_golden_file_has_its_expectation() -> None:
    assert {path.stem for path in GOLDEN.glob("*.bin")} == set(EXPECTED)


def test_envelopes_in_an_aggregate_are_unwrapped() -> None:
    found = unwrap(golden("envelopes")[0])
    assert found.lines.splitlines() == golden("long")[1][0].splitlines()[:8]
    assert (found.control, found.refused, found.refused_parts) == (1, None, ())


UNUSUAL: dict[str, tuple[bytes, list[bytes]]] = {
    "nothing at all": (b"", []),
    "only keys": (field(1, b"key") + field(2, b"17"), []),
    "records before their keys": (user_record(b"a") + field(1, b"key") + user_record(b"b"), [b"a", b"b"]),
    "the data first": (field(3, field(3, b"a") + KEY), [b"a"]),
    "empty data": (user_record(b""), [b""]),
    "data twice: the last one counts": (field(3, field(3, b"a") + KEY + field(3, b"b")), [b"b"]),
    "no key": (field(3, field(3, b"a")), [b"a"]),
    "tags": (field(3, KEY + field(3, b"a") + field(4, field(1, b"k") + field(2, b"v"))), [b"a"]),
    "a field that is not known yet": (field(200, b"x") + user_record(b"a"), [b"a"]),
    "fields of fixed size": (b"\x21" + bytes(8) + b"\x25" + bytes(4) + user_record(b"a"), [b"a"]),
    "the field of records as a number": (b"\x18\x05" + user_record(b"a"), [b"a"]),
    "the field of data as a number, too": (field(3, b"\x18\x05" + field(3, b"a")), [b"a"]),
    "a length longer than it need be": (b"\x1a\x85\x00" + KEY + b"\x1a\x01a", [b"a"]),
    "a field number longer than it need be": (b"\x9a\x00\x05" + KEY + b"\x1a\x01a", [b"a"]),
    "a key index of ten bytes": (field(3, b"\x08" + b"\xff" * 9 + b"\x01" + field(3, b"a")), [b"a"]),
    "lengths of two and three bytes": (
        user_record(b"a" * 200) + user_record(b"b" * 20_000),
        [b"a" * 200, b"b" * 20_000],
    ),
}


@pytest.mark.parametrize(("message", "expected"), UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_protobuf_allows_is_understood(message: bytes, expected: list[bytes]) -> None:
    assert split(sealed(message)) == expected


GOOD = aggregate(b"a", b"b")
REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "no KPL aggregate"),
    "text": (b"2 123456789012 eni-1", "no KPL aggregate"),
    "another's magic": (b"\xf3\x89\x9a\xc3" + GOOD[4:], "no KPL aggregate"),
    "the magic alone": (GOOD[:4], "truncated KPL aggregate"),
    "a checksum too short": (sealed(b"")[:-1], "truncated KPL aggregate"),
    "the end cut off": (GOOD[:-1], "KPL aggregate with a bad checksum"),
    "a byte too many": (GOOD + b"\x00", "KPL aggregate with a bad checksum"),
    "two in a row": (GOOD + GOOD, "KPL aggregate with a bad checksum"),
    "a checksum of zeros": (GOOD[:-16] + bytes(16), "KPL aggregate with a bad checksum"),
}
BROKEN: dict[str, bytes] = {
    "a record without data": field(3, KEY),
    "an empty record": field(3, b""),
    "a field without its length": b"\x1a",
    "a length without its value": b"\x1a\x05",
    "a length beyond the end": b"\x1a\x05" + KEY + b"\x1a\x00",
    "data beyond its record": field(3, KEY + b"\x1a\x02a") + user_record(b"b"),
    "a length beyond every record": b"\x1a" + varint((1 << 64) - 1) + b"a",
    "a length of eleven bytes": b"\x1a" + b"\x80" * 10 + b"\x00",
    "a length that does not end": b"\x1a" + b"\x80" * 5,
    "a number that does not end": user_record(b"a") + b"\x20\xff",
    "a field number of eleven bytes": b"\x9a" + b"\x80" * 9 + b"\x00" + b"\x00",
    "a field number beyond protobuf's": varint(1 << 29 << 3) + b"\x00",
    "field number zero": b"\x02\x00" + user_record(b"a"),
    "a fixed size beyond the end": user_record(b"a") + b"\x25\x00\x00\x00",
    "a group": b"\x23\x24" + user_record(b"a"),
    "an unknown wire type": b"\x26" + user_record(b"a"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_whole_aggregate_is_refused(data: bytes, why: str) -> None:
    assert refusal(data) == why


@pytest.mark.parametrize("message", BROKEN.values(), ids=BROKEN.keys())
def test_a_message_that_is_broken_is_refused_whatever_its_checksum(message: bytes) -> None:
    assert refusal(sealed(message)) == "broken KPL aggregate"


def test_the_magic_begins_no_text() -> None:
    """This is why a bad checksum means damage, and not, as for KCL, a plain record that looks alike."""
    with pytest.raises(UnicodeDecodeError):
        kpl.MAGIC.decode()


def test_a_flood_of_user_records_is_refused() -> None:
    """A record of 10 MiB holds 1.7 million empty ones."""
    smallest = user_record(b"")
    assert split(sealed(smallest * USER_RECORDS_MAX)) == [b""] * USER_RECORDS_MAX
    assert refusal(sealed(smallest * (USER_RECORDS_MAX + 1))) == "too many user records"


data = st.binary(max_size=300)


@given(st.lists(data, max_size=20))
def test_what_was_aggregated_is_split(user_records: list[bytes]) -> None:
    assert split(aggregate(*user_records)) == user_records


@given(st.lists(data, max_size=5), st.integers(0, 1 << 20), st.integers(1, 255))
def test_a_flipped_byte_is_refused(user_records: list[bytes], at: int, bits: int) -> None:
    whole = aggregate(*user_records)
    at %= len(whole)
    assert refusal(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])


@given(
    st.one_of(data, st.lists(data, max_size=5).map(lambda found: b"".join(map(user_record, found)))),
    st.data(),
)
def test_no_message_raises_anything_else(message: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(message)))
    cut = draw.draw(st.integers(0, 3))
    damaged = message[:at] + draw.draw(st.binary(max_size=3)) + message[at + cut :]
    assert refusal(sealed(damaged)) in {"", "broken KPL aggregate"}
