"""The longest block that contains an address."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from connectors.inventory.blocks import BlockTable
from connectors.vpc.addresses import cidr, number_of

BLOCKS = st.builds(
    lambda number, length: str(ip_network((number << 24 | number, length), strict=False)),
    st.integers(0, 3),
    st.integers(0, 32),
) | st.builds(
    lambda number, length: str(ip_network((number << 125, length), strict=False)),
    st.integers(0, 7),
    st.integers(0, 128),
)


@given(st.lists(BLOCKS, max_size=12), st.lists(st.integers(0, 3 << 24), min_size=1, max_size=20))
def test_the_table_finds_what_a_search_of_all_blocks_finds(blocks: list[str], numbers: list[int]) -> None:
    table = BlockTable((cidr(text), (text, nth)) for nth, text in enumerate(blocks))
    edges = [address for text in blocks for address in (ip_network(text)[0], ip_network(text)[-1])]
    for address in (*map(ip_address, numbers), *edges):
        containing = [
            (ip_network(text).prefixlen, -nth, text)
            for nth, text in enumerate(blocks)
            if ip_network(text).version == address.version and address in ip_network(text)
        ]
        _, nth, text = max(containing, default=(0, 0, ""))
        assert table.find(number_of(str(address))) == ((text, -nth) if containing else None)
