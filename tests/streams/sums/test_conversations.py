"""Conversation partials: rows travel unchanged, and so do addresses as text and as words."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sums import conversations
from streams.sums.conversations import ABSENT, SCHEMA, Row, address_of
from tests.build import address_text

words = st.integers(0, 2**64 - 1)
any_rows = st.tuples(
    st.sampled_from([0, 60, 1_700_000_040]),
    st.sampled_from(["eni-00000000000000001", "eni-00000000000000002", "nat-1", "-"]),
    st.integers(0, 4),
    st.integers(0, 2),
    *[words] * 8,
    st.integers(-1, 65535),
    st.integers(0, 5),
    st.integers(0, 256),
    *[st.integers(0, 1 << 60)] * 5,
    st.integers(0, 65535),
)


@given(st.lists(any_rows, max_size=20))
def test_rows_travel_unchanged(found: list[Row]) -> None:
    read = conversations.decode(conversations.encode(conversations.frame(found)))
    assert read.rows() == found
    codes, names = conversations.entities(read)
    assert [names[code] for code in codes.tolist()] == [row[1] for row in found]
    assert read.drop("entity").schema == pl.DataFrame(schema=SCHEMA).drop("entity").schema


@pytest.mark.parametrize("count", [1, 255, 256, 65_535, 65_536])
def test_any_number_of_entities_is_a_column(count: int) -> None:
    names = [str(n) for n in range(count)]
    column = conversations.to_entities(pl.Series([count - 1, 0]), names)
    assert column.cast(pl.String).to_list() == [str(count - 1), "0"]


def test_no_rows_are_a_frame() -> None:
    assert conversations.decode(conversations.encode(conversations.frame([]))).rows() == []


@given(st.ip_addresses())
def test_addresses_are_the_same_as_text_and_as_words(address: IPv4Address | IPv6Address) -> None:
    hi, lo = address_of(str(address))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert address_text(hi, lo) == (
        "" if int(address) == 0 and address.version == 6 else str(mapped or address)
    )


@pytest.mark.parametrize(
    "text", ["", "-", "10.0.0", "10.0.0.256", "10.0.0.01", "fe80::1%eth0", ":", "é", "::"]
)
def test_text_that_is_no_address_is_absent(text: str) -> None:
    assert address_of(text) == ABSENT


def test_ipv4_is_the_mapped_ipv6() -> None:
    assert address_of("10.0.1.9") == address_of("::ffff:10.0.1.9") == (0, 0xFFFF0A000109)
    assert address_text(0, 0xFFFF0A000109) == "10.0.1.9"
    assert address_text(*address_of("2001:0DB8:0:0::1")) == "2001:db8::1"
