"""Sequence numbers: the codec, and what consumers rely on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis.state import sequence_numbers

SECONDS = st.integers(0, 2**36 - 1)
SHARDS = st.integers(0, 2**31 - 1)
INDICES = st.integers(0, 2**63 - 1)


@given(SECONDS, SHARDS, INDICES, SECONDS)
def test_a_number_says_what_it_was_made_of(created_s: int, shard: int, index: int, arrival_s: int) -> None:
    number = sequence_numbers.make(created_s, shard, index, arrival_s)
    assert sequence_numbers.parse(str(number)) == sequence_numbers.Parsed(created_s, shard, index, arrival_s)
    assert len(str(number)) == 56


@given(INDICES, SECONDS, SECONDS)
def test_numbers_grow_with_the_index_whatever_the_clock_says(index: int, first_s: int, then_s: int) -> None:
    first = sequence_numbers.make(1_700_000_000, 3, index, first_s)
    assert sequence_numbers.make(1_700_000_000, 3, index + 1, then_s) > first


def test_starts_of_neighbouring_shards_differ_as_in_aws() -> None:
    """The difference was seen on the real service by kinesalite's suite."""
    starts = [sequence_numbers.make(1_700_000_000, shard, 0, 1_700_000_000) for shard in (0, 1)]
    assert starts[1] - starts[0] == 22300745198530623141535718272648361505980432


def test_a_step_leads_to_the_next_number_of_the_same_second() -> None:
    first = sequence_numbers.make(1_700_000_000, 5, 41, 1_700_000_009)
    assert first + sequence_numbers.INDEX_STEP == sequence_numbers.make(1_700_000_000, 5, 42, 1_700_000_009)


@given(st.integers(0, 10**129))
def test_any_digits_are_read_or_refused(number: int) -> None:
    parsed = sequence_numbers.parse(str(number))
    if parsed is not None:
        made = sequence_numbers.make(parsed.created_s, parsed.shard, parsed.index, parsed.arrival_s)
        assert made == number


@pytest.mark.parametrize("name", ["shardId-000000000007", "shardId-7", "x-7", "7", "-7"])
def test_a_shard_may_be_named_as_loosely_as_in_aws(name: str) -> None:
    assert sequence_numbers.shard_of(name) == 7


@pytest.mark.parametrize("name", ["shardId-002147483648", "2147483648", "ABKLFD8", "2.14E4", "shardId-"])
def test_other_names_are_no_shard(name: str) -> None:
    assert sequence_numbers.shard_of(name) is None
