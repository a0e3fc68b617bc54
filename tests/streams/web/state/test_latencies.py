"""The histogram of delays: its quantiles are those of the sorted delays, within a bucket."""

from __future__ import annotations

from bisect import bisect_right
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.web.state.latencies import BOUNDS_MS, Latencies

BUCKET_RATIO = 2 ** (1 / 8)
delays = st.lists(st.floats(0, BOUNDS_MS[-1]), min_size=1, max_size=60)


def filled(found: list[float]) -> Latencies:
    """Return a histogram of some delays."""
    latencies = Latencies()
    for ms in found:
        latencies.add(ms)
    return latencies


@given(delays, st.floats(0.01, 1.0))
def test_a_quantile_is_within_a_bucket_of_the_true_one(found: list[float], q: float) -> None:
    true = sorted(found)[ceil(q * len(found)) - 1]
    estimated = filled(found).quantile_ms(q)
    assert estimated is not None
    assert true / BUCKET_RATIO - 1 <= estimated <= max(true, 1) * BUCKET_RATIO + 1e-9


@given(delays)
def test_quantiles_do_not_decrease(found: list[float]) -> None:
    latencies = filled(found)
    quantiles = [latencies.quantile_ms(q / 20) or 0.0 for q in range(1, 21)]
    assert quantiles == sorted(quantiles)


@given(st.lists(st.floats(0, 1e9), max_size=60))
def test_octaves_count_the_delays_up_to_each_power_of_two(found: list[float]) -> None:
    latencies, ordered = filled(found), sorted(found)
    octaves = latencies.octaves()
    assert [round(bound * 1000, 6) for bound, _ in octaves] == [2**n for n in range(len(octaves))]
    assert [count for _, count in octaves] == [bisect_right(ordered, bound * 1000) for bound, _ in octaves]
    assert (latencies.count, latencies.sum_ms) == (len(found), pytest.approx(sum(found)))


def test_a_delay_beyond_the_scale_is_counted_and_the_quantile_stays_on_it() -> None:
    latencies = filled([1e12])
    assert (latencies.count, latencies.quantile_ms(0.99)) == (1, BOUNDS_MS[-1])
    assert latencies.octaves()[-1][1] == 0


def test_clocks_that_differ_give_no_negative_delay() -> None:
    latencies = filled([-5.0])
    assert (latencies.sum_ms, latencies.octaves()[0][1]) == (0.0, 1)
