"""Small builders that the unit tests share: a line, a block, a KPL aggregate, a partial row; and strategies.

Values that a test does not name are those of one ordinary accepted HTTPS flow. Fields are named as AWS does,
with underscores: `line(interface_id="-")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import md5
from ipaddress import IPv4Address, IPv6Address

import orjson
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT, ENTITY_FIELDS, FIELD_VERSIONS, Format
from streams.records import Aggregate
from streams.sums.parsing import hash_of
from streams.sums.partials import MAP_BITS, MAP_BYTES, Row
from streams.sums.tables import FMIX_1, FMIX_2

ENI = "eni-0a1b2c3d4e5f60718"

_ORDINARY = {
    "version": "2",
    "account-id": "123456789012",
    "interface-id": ENI,
    "srcaddr": "10.0.0.5",
    "dstaddr": "10.0.1.9",
    "srcport": "49152",
    "dstport": "443",
    "protocol": "6",
    "packets": "10",
    "bytes": "4000",
    "start": "1700000000",
    "end": "1700000030",
    "action": "ACCEPT",
    "log-status": "OK",
    "resource-id": "nat-0123456789abcdef0",
    "tgw-attachment-id": "tgw-attach-0123456789abcdef0",
    "tcp-flags": "2",
    "flow-direction": "ingress",
    "pkt-srcaddr": "10.0.0.5",
    "pkt-dstaddr": "10.0.2.7",
}


def line(names: Format = DEFAULT_FORMAT, **values: object) -> bytes:
    """Return one line of a format, without a newline; fields that have no ordinary value are `-`."""
    given = {name.replace("_", "-"): str(value) for name, value in values.items()}
    return " ".join(given.get(name, _ORDINARY.get(name, "-")) for name in names).encode()


def block(*lines: bytes, final_newline: bool = False) -> bytes:
    """Return lines joined as in a block."""
    return b"\n".join(lines) + (b"\n" if final_newline else b"")


def aggregate(*user_records: bytes) -> bytes:
    """Return the KPL aggregate of some user records, which share one partition key."""
    return sealed(field(1, b"key") + b"".join(field(3, b"\x08\x00" + field(3, one)) for one in user_records))


def sealed(message: bytes) -> bytes:
    """Return a protobuf message as an aggregate: between the magic and its checksum."""
    return b"\xf3\x89\x9a\xc2" + message + md5(message, usedforsecurity=False).digest()


def field(number: int, value: bytes) -> bytes:
    """Return a length-delimited field of a protobuf message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    """Return a number as protobuf writes it."""
    *more, last = [number >> bits & 0x7F for bits in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(seven | 0x80 for seven in more), last])


def row(
    window: int, entity: str = ENI, action: int = 0, flows: int = 1, protocol: int = 6, first: int = -1
) -> Row:
    """Return a row of a partial: 2 packets and 100 bytes a flow; a rejected one has maps of one bit each."""
    first = window if first < 0 else first
    return (
        window,
        entity,
        action,
        protocol,
        flows,
        2 * flows,
        100 * flows,
        first,
        first + 10,
        maps_of({first % MAP_BITS}, {first % MAP_BITS}) if action == 1 else b"",
    )


def decode_aggregate(value: bytes) -> Aggregate:
    """Return the aggregate of a message. Raises `ValueError` or `TypeError` on foreign JSON."""
    return Aggregate(**orjson.loads(value))


def maps_of(ports: Iterable[int], sources: Iterable[int]) -> bytes:
    """Return the maps in which these bits are set."""
    return b"".join(
        sum(1 << bit for bit in bits).to_bytes(MAP_BYTES // 2, "little") for bits in (ports, sources)
    )


def bits_of(maps: bytes) -> tuple[int, int]:
    """Return the bits of two maps, each as one number."""
    half = MAP_BYTES // 2
    return int.from_bytes(maps[:half], "little"), int.from_bytes(maps[half:], "little")


def address_text(hi: int, lo: int) -> str:
    """Return the text of an address: dotted for IPv4, compressed lower case for IPv6, "" if it is absent."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return str(IPv4Address(lo & 0xFFFFFFFF))
    return str(IPv6Address(hi << 64 | lo)) if hi or lo else ""


def port_bit(port: int) -> int:
    """Return the bit of a destination port in the first map."""
    return _bit_of(port)


def source_bit(address: bytes) -> int:
    """Return the bit of a source address in the second map."""
    return _bit_of(hash_of(address))


def _bit_of(value: int) -> int:
    value ^= value >> 33
    value = value * FMIX_1 & (2**64 - 1)
    value ^= value >> 33
    value = value * FMIX_2 & (2**64 - 1)
    value ^= value >> 33
    return value >> 64 - (MAP_BITS.bit_length() - 1)


_POOLS = {
    "interface-id": [ENI, "eni-0000000000000000a", "eni-f0000000000000000", "eni-1a2b3c4d", "eni-00000000"],
    "srcaddr": ["10.0.0.5", "10.0.0.6", "203.0.113.7", "2001:db8::1", "::ffff:10.0.0.1"],
    "dstaddr": ["10.0.0.5", "0.0.0.0", "255.255.255.255", "fe80::1:2:3:4", "::", "1:2:3:4:5:6:7::", "-"],
    "pkt-srcaddr": ["10.0.0.5", "2001:db8::1", "-"],
    "pkt-dstaddr": ["10.0.0.5", "192.0.2.1", "-"],
    "srcport": ["0", "53", "443", "40000", "32767", "32768", "65535", "-"],
    "dstport": ["0", "22", "443", "1023", "1024", "32768", "40000", "65535"],
    "tcp-flags": ["0", "1", "2", "18", "19", "65535", "-"],
    "flow-direction": ["ingress", "egress", "-"],
    "protocol": ["1", "6", "17", "58", "255"],
    "packets": ["0", "1", "10", str(1 << 45)],
    "bytes": ["0", "40", "4000", str(1 << 45)],
    "start": ["1433894400", "1433894459", "1433894460", "1700000000", "1700000059", "99999999999"],
    "end": [
        "0",
        "1433894519",
        "1700000030",
        "1700000090",
        "1700000599",
        "1700000898",
        "1700000900",
        "99999999999",
    ],
    "action": ["ACCEPT", "REJECT"],
}
# What was met in the wild, or sits on an edge of a rule, in any column.
ODD_TOKENS = [
    token.encode()
    for token in (
        "-", "None", "", " ", "+5", "-1", "007", "0x10", "1e3", "٣", "é", "\x00", "\x1c", "5\t6", "\r", "OK",
        "NODATA", "SKIPDATA", "ACCEPT", "REJECT", "ACCEPTED", "accept", "256", "65536", "35184372088832",
        "35184372088833", "99999999999999", "1700000000123", "99999999999", "100000000000", "9" * 20,
        "0" * 18 + "6", "0" * 20, "ENI-0A1B2C3D", "eni-", "eni-0a1b2c3", "eni-0A1B2C3D4E5F60718",
        "eni-0a1b2c3d4e5f607181", "x" * 66_000, "start", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1.",
        "10.0.0.1:", "2001:DB8::1", "2001:db8:::1", "::ffff:1.2.3.4", "1::2::3", "fe80::1%eth0", "ingress1",
        "::1.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "12345::", "Egress", "65536", "0" * 16 + "5",
    )
]  # fmt: skip


def _with(tokens: list[bytes], at: int, odd: bytes) -> bytes:
    return b" ".join([*tokens[:at], odd, *tokens[at + 1 :]])


MUTATIONS: tuple[Callable[[list[bytes], int, bytes], bytes], ...] = (
    _with,
    lambda tokens, at, odd: b" ".join(tokens[:at] + tokens[at + 1 :]),
    lambda tokens, at, odd: b" ".join([*tokens[:at], odd, *tokens[at:]]),
    lambda tokens, at, odd: b"2023-11-14T22:13:20.000Z " + b" ".join(tokens),
    lambda tokens, at, odd: b" ".join(tokens) + b"\r",
    lambda tokens, at, odd: b" ".join(tokens) + b" ",
    lambda tokens, at, odd: b" ".join(tokens)[: at * 9],
    lambda tokens, at, odd: b" ".join(tokens[:at]) + b"  " + b" ".join(tokens[at:]),
    lambda tokens, at, odd: b"\t".join(tokens),
    lambda tokens, at, odd: b" ".join(tokens).replace(b"0", bytes([at * 11]), 1),
    lambda tokens, at, odd: b"",
    lambda tokens, at, odd: " ".join(DEFAULT_FORMAT).encode(),
)
"""What may befall a line, as functions of its tokens, a column and an odd token."""


def odd_lines(names: Format, column: int) -> list[bytes]:
    """Return an ordinary line of a format with each odd token in a column, for both actions."""
    tokens = [line(names, action=action).split(b" ") for action in ("ACCEPT", "REJECT")]
    return [_with(t, column, odd).replace(b"\n", b"") for t in tokens for odd in ODD_TOKENS]


@st.composite
def good_lines(draw: st.DrawFn, names: Format = DEFAULT_FORMAT) -> bytes:
    """Draw a line that every reader must understand."""
    chosen = {name: draw(st.sampled_from(pool)) for name, pool in _POOLS.items() if name in names}
    return line(names, **chosen)


@st.composite
def any_lines(draw: st.DrawFn, names: Format = DEFAULT_FORMAT) -> bytes:
    """Draw a line: half of them good, the others with one thing wrong; never with a newline in it."""
    good = draw(good_lines(names))
    how = draw(st.integers(0, 2 * len(MUTATIONS) - 1))
    if how >= len(MUTATIONS):
        return good
    at = draw(st.integers(0, len(names) - 1))
    odd = draw(st.sampled_from(ODD_TOKENS))
    return MUTATIONS[how](good.split(b" "), at, odd).replace(b"\n", b"")


@st.composite
def formats(draw: st.DrawFn, needed: Sequence[str] = ()) -> Format:
    """Draw a usable format: documented fields in any order, `start` and an entity among them."""
    entity = draw(st.sampled_from(ENTITY_FIELDS))
    named = {"start", entity, *needed}
    others = [name for name in FIELD_VERSIONS if name not in named]
    chosen = draw(st.lists(st.sampled_from(others), unique=True, max_size=8))
    return tuple(draw(st.permutations([*named, *chosen])))
