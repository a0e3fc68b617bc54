"""Chance by arithmetic: golden numbers of SplitMix64, so that every machine draws the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.world.traffic.chance import (
    below,
    bits,
    mixed,
    mixed_number,
    octave,
    of_text,
    skewed,
    stretched,
    tail,
)

GOLDEN = 0x9E3779B97F4A7C15
SPLITMIX64 = {  # Vigna's splitmix64.c: the first numbers of the seeds 0 and 1234567
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC],
    1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431],
}
words = st.integers(0, (1 << 64) - 1)
sixteens = st.integers(0, 65_535)


@pytest.mark.parametrize("seed", SPLITMIX64)
def test_mixing_is_splitmix64(seed: int) -> None:
    states = [(seed + nth * GOLDEN) % (1 << 64) for nth in range(4)]
    assert mixed(np.array(states, np.uint64)).tolist() == SPLITMIX64[seed]
    assert [mixed_number(state) for state in states] == SPLITMIX64[seed]


@given(words)
def test_one_number_is_mixed_as_an_array_of_it_is(number: int) -> None:
    assert mixed(np.array([number], np.uint64)).tolist() == [mixed_number(number)]


def test_mixing_does_not_change_its_argument() -> None:
    numbers = np.arange(5, dtype=np.uint64)
    mixed(numbers)
    assert numbers.tolist() == [0, 1, 2, 3, 4]


def test_the_order_of_numbers_and_their_count_matter() -> None:
    drawn = [mixed_number(*numbers) for numbers in ((1, 2), (2, 1), (1,), (2,), (1, 2, 0), (0, 1, 2), ())]
    assert len(set(drawn)) == len(drawn)


def test_texts_have_numbers_of_their_own() -> None:
    texts = [f"eni-{nth:017x}" for nth in range(20_000)]
    assert len({of_text(text) for text in texts}) == len(texts)
    assert of_text("eni-0a1b") == 17091206478156472076


@given(words)
def test_four_places_make_the_draw(draw: int) -> None:
    places = [int(bits(np.array([draw], np.uint64), place)[0]) for place in range(4)]
    assert sum(value << 16 * place for place, value in enumerate(places)) == draw


@pytest.mark.parametrize("limit", [1, 7, 17, 60, 1000])
def test_numbers_below_a_limit_are_all_equally_likely(limit: int) -> None:
    counts = np.bincount(below(np.arange(65_536), limit), minlength=limit)
    assert len(counts) == limit
    assert counts.max() - counts.min() <= 1


@given(sixteens, sixteens, st.integers(1, 5000))
def test_a_skewed_number_is_below_its_limit(first: int, second: int, limit: int) -> None:
    assert 0 <= skewed(np.array([first]), np.array([second]), np.array([limit]))[0] < limit


def test_skewed_numbers_are_low_far_more_often() -> None:
    draw = mixed(np.arange(20_000, dtype=np.uint64))
    found = skewed(bits(draw, 0), bits(draw, 1), np.full(20_000, 100))
    assert 5 < (found < 10).sum() / (found >= 90).sum() < 1000
    assert found.max() > 90


def test_each_octave_is_rarer_by_the_same_ratio() -> None:
    thresholds = tail(7, 4, 20, 32)
    assert len(thresholds) == 20
    assert (np.diff(thresholds) > 0).all()
    ratios = thresholds[:-1] / thresholds[1:]
    assert ratios[5:] == pytest.approx(7 / 16, rel=1e-3)
    assert thresholds[-1] == 7 << 28


@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=2, max_size=30))
def test_octaves_fall_as_draws_rise(draws: list[int]) -> None:
    found = octave(np.array(sorted(draws)), tail(7, 4, 20, 32))
    assert (np.diff(found) <= 0).all()
    assert ((found >= 0) & (found <= 20)).all()


def test_half_of_the_draws_are_in_the_lowest_octave_of_halves() -> None:
    counts = np.bincount(octave(np.arange(65_536), tail(1, 1, 12, 16)))
    assert counts.tolist() == [1 << (15 - up) for up in range(12)] + [16]


@given(st.integers(1, 1 << 30), st.integers(0, 12), sixteens, sixteens)
def test_a_size_lies_in_its_octave_and_grows_with_its_draw(base: int, up: int, one: int, other: int) -> None:
    low, high = sorted([one, other])
    first, second = stretched(np.array([base]), np.array([up]), np.array([low, high])).tolist()
    assert base << up <= first <= second < base << up + 1
