"""Addresses are rendered as Python's `ipaddress` renders them."""

from __future__ import annotations

from ipaddress import IPv6Address

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.conversations.addresses import to_text
from tests.build import address_text

GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xA, 0xFF, 0xFFFF, 0x0DB8]), min_size=8, max_size=8)
IPV6 = GROUPS.map(lambda groups: int("".join(f"{group:04x}" for group in groups), 16))
ANY = st.one_of(IPV6, st.integers(0, 2**128 - 1), st.integers(0, 2**32 - 1).map(lambda n: 0xFFFF << 32 | n))


def rendered(numbers: list[int]) -> list[str]:
    hi = np.array([number >> 64 for number in numbers], np.uint64).view(np.int64)
    lo = np.array([number & (1 << 64) - 1 for number in numbers], np.uint64).view(np.int64)
    return to_text(hi, lo).to_list()


@given(st.lists(ANY, max_size=20))
def test_the_text_is_that_of_the_reference(numbers: list[int]) -> None:
    assert rendered(numbers) == [address_text(number >> 64, number & (1 << 64) - 1) for number in numbers]


def test_known_addresses() -> None:
    texts = ["::1", "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1", "fe80::", "1:2:3:4:5:6:7:8"]
    assert rendered([int(IPv6Address(text)) for text in texts]) == texts
    assert rendered([0xFFFF << 32 | 0x0A000001, 0]) == ["10.0.0.1", ""]
    assert rendered([0, 0]) == ["", ""]
