"""The `Host` headers that the page accepts: loopback in any spelling, and the host of its public URL."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.web.hosts import refusal

PUBLIC = "https://flows.example:8443/vpc"
ports = st.one_of(st.just(""), st.integers(1, 65_535).map(lambda port: f":{port}"))
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@given(st.integers(0, 2**24 - 1), ports)
def test_every_ipv4_loopback_address_is_accepted(below: int, port: str) -> None:
    assert refusal([f"{IPv4Address((127 << 24) + below)}{port}"], PUBLIC) is None


@given(st.integers(0, 2**32 - 1), ports)
def test_every_other_ipv4_address_is_refused(number: int, port: str) -> None:
    address = IPv4Address(number)
    found = refusal([f"{address}{port}"], PUBLIC)
    assert (found is None) == address.is_loopback
    assert found is None or f"{address}{port}" in found


@given(st.integers(0, 2**128 - 1), ports)
def test_ipv6_addresses_are_accepted_if_they_are_loopback(number: int, port: str) -> None:
    for address in (IPv6Address(number), IPv6Address(1)):
        assert (refusal([f"[{address}]{port}"], PUBLIC) is None) == address.is_loopback


@given(labels, labels, ports)
def test_a_name_is_accepted_only_if_it_is_the_public_one_or_localhost(
    first: str, second: str, port: str
) -> None:
    """Also as a part of another name, as in DNS rebinding."""
    for name in (f"{first}.{second}", f"localhost.{first}", f"127.0.0.1.{first}", f"flows.example.{first}"):
        found = refusal([name + port], PUBLIC)
        assert (found is None) == (name in {"flows.example", "localhost"})
    assert refusal([f"{first}.{second}{port}"], f"http://{first}.{second}:1/") is None


@given(st.sampled_from(["localhost", "flows.example"]), st.randoms(use_true_random=False), ports)
def test_case_a_final_dot_and_the_port_do_not_matter(name: str, chance: object, port: str) -> None:
    mixed = "".join(c.upper() if chance.random() < 0.5 else c for c in name)  # type: ignore[attr-defined]
    assert refusal([f"{mixed}{port}"], PUBLIC) is None
    assert refusal([f"{mixed}.{port}"], PUBLIC) is None


@given(st.lists(st.text(max_size=30), max_size=3), st.text(max_size=30))
def test_any_text_is_accepted_or_refused_with_a_sentence(headers: list[str], url: str) -> None:
    found = refusal(headers, f"http://{url.replace('[', '').replace(']', '')}")
    if len(headers) != 1:
        assert found == f"the request has {len(headers)} Host headers; send exactly one"
    elif found is not None:
        assert "set VPCFLOW_URL" in found


@pytest.mark.parametrize(
    "header", ["", "a b", "[::1", "::1", "localhost:", "localhost:999999", "x@localhost"]
)
def test_a_malformed_header_is_refused(header: str) -> None:
    assert refusal([header], PUBLIC) is not None


def test_a_long_header_is_cut_in_the_sentence() -> None:
    found = refusal(["x" * 10_000], PUBLIC)
    assert found is not None
    assert len(found) < 300
