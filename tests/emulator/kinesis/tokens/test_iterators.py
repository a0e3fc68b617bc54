"""Shard iterators and page tokens: opaque, whole, and good for five minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis.errors import Refused
from emulator.kinesis.tokens import iterators, pages, tokens
from emulator.kinesis.tokens.iterators import LIFETIME_MS, ShardIterator

NOW_MS = 1_700_000_000_000
NAMES = st.from_regex(r"[a-zA-Z0-9_.-]{1,128}", fullmatch=True)
PLACES = st.builds(
    ShardIterator,
    region=st.sampled_from(["us-east-1", "ap-southeast-2"]),
    stream_name=NAMES,
    created_ms=st.integers(0, NOW_MS),
    shard=st.integers(0, 2**31 - 1),
    index=st.integers(0, 2**63 - 1),
)


@given(PLACES, st.integers(0, LIFETIME_MS))
def test_a_token_stands_for_its_place_for_five_minutes(place: ShardIterator, age_ms: int) -> None:
    token = iterators.make(place, NOW_MS)
    assert iterators.read(token, NOW_MS + age_ms) == place
    assert len(token) <= 512


@given(PLACES)
def test_a_token_expires_with_the_sentence_of_aws(place: ShardIterator) -> None:
    with pytest.raises(Refused) as refused:
        iterators.read(iterators.make(place, NOW_MS), NOW_MS + LIFETIME_MS + 1)
    assert refused.value.code == "ExpiredIteratorException"
    assert refused.value.message == (
        "Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 while right now it "
        "is Tue Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay of 300000 "
        "milliseconds."
    )


@given(PLACES, st.data())
def test_a_damaged_token_is_invalid(place: ShardIterator, data: st.DataObject) -> None:
    token = iterators.make(place, NOW_MS)
    at = data.draw(st.integers(0, len(token) - 1))
    # Another letter at the very end may stand for the same bytes: base64 has unused bits there.
    other = data.draw(st.sampled_from("!_~ "))
    with pytest.raises(Refused, match=r"InvalidArgumentException: Invalid ShardIterator\."):
        iterators.read(token[:at] + other + token[at + 1 :], NOW_MS)


@given(st.text(max_size=512) | st.binary(max_size=300).map(lambda raw: raw.hex()))
def test_nothing_else_is_an_iterator(text: str) -> None:
    with pytest.raises(Refused, match=r"Invalid ShardIterator\."):
        iterators.read(text, NOW_MS)


def test_a_page_token_is_no_iterator() -> None:
    with pytest.raises(Refused, match=r"Invalid ShardIterator\."):
        iterators.read(pages.make("shards", NOW_MS, "name"), NOW_MS)


def test_a_page_token_expires() -> None:
    token = pages.make("streams", NOW_MS, "name")
    assert pages.read("streams", token, NOW_MS + pages.LIFETIME_MS, 1) == ("name",)
    with pytest.raises(Refused, match="ExpiredNextTokenException"):
        pages.read("streams", token, NOW_MS + pages.LIFETIME_MS + 1, 1)


@given(st.lists(st.text() | st.integers(-(2**63), 2**64 - 1)))
def test_what_is_sealed_comes_out_whole(values: list[str | int]) -> None:
    assert tokens.unseal(tokens.seal(values)) == tuple(values)
