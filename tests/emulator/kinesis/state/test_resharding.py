"""Whatever is split, merged and scaled, the open shards have every hash key once, and lineage is whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis.state.resharding import Merge, Scale, Split, open_shards, reshard
from emulator.kinesis.state.shards import MAX_HASH_KEY, split_evenly

T0_MS = 1_700_000_000_000


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from("sm#"), st.integers(0, 20)), max_size=8))
def test_open_shards_share_all_hash_keys(count: int, steps: list[tuple[str, int]]) -> None:
    shards = split_evenly(count, T0_MS)
    for at, (step, number) in enumerate(steps):
        current = open_shards(shards)
        chosen = current[number % len(current)]
        neighbour = current[(number + 1) % len(current)]
        if step == "s":
            middle = (chosen.starting_hash_key + chosen.ending_hash_key) // 2
            reshard(shards, Split(chosen.number, middle), T0_MS + at)
        elif step == "m" and neighbour.starting_hash_key == chosen.ending_hash_key + 1:
            reshard(shards, Merge(chosen.number, neighbour.number), T0_MS + at)
        elif step == "#":
            reshard(shards, Scale(1 + number), T0_MS + at)
            assert len(open_shards(shards)) == 1 + number
    current = open_shards(shards)
    assert (current[0].starting_hash_key, current[-1].ending_hash_key) == (0, MAX_HASH_KEY)
    assert all(left.ending_hash_key + 1 == right.starting_hash_key for left, right in pairwise(current))
    for number, shard in enumerate(shards):
        assert shard.number == number
        for parent in shard.parents:
            assert shards[parent].ended_ms is not None
            assert shard.starting_number() > (shards[parent].ending_number() or 0)


@pytest.mark.parametrize(("before", "target", "made"), [(2, 4, 6), (4, 5, 15), (10, 13, 37), (10, 3, 17)])
def test_scaling_makes_as_many_shards_as_aws(before: int, target: int, made: int) -> None:
    """moto's `test_update_shard_count`, whose figures were compared with AWS."""
    shards = split_evenly(before, T0_MS)
    reshard(shards, Scale(target), T0_MS)
    assert (len(open_shards(shards)), len(shards)) == (target, made)


def test_ten_thousand_shards_are_scaled_in_no_time() -> None:
    shards = split_evenly(5000, T0_MS)
    reshard(shards, Scale(10_000), T0_MS)
    reshard(shards, Scale(5001), T0_MS)
    assert len(open_shards(shards)) == 5001
