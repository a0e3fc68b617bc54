"""The estimate of distinct ports and sources: within its stated error for regular patterns, on both paths."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT
from streams.sums.accumulator import Sums
from streams.sums.lines import plan
from streams.sums.partials import ESTIMATES, MAP_BITS, MAP_BYTES, estimate
from streams.windows.maps import SPARE_MAPS, Maps
from tests.build import block, line, maps_of, port_bit, source_bit

COUNTS = (50, 75, 100, 150, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000)
ERROR_MAX = 0.2
"""The largest relative error between 50 and 2,000 values that `partials.estimate` states."""
DEFAULT = plan(DEFAULT_FORMAT)


def told(ports: Sequence[int], sources: Sequence[str], *, is_odd: bool = False) -> tuple[int, int]:
    """Return the estimates that one window of rejected lines has; odd lines take the slow path."""
    found = [
        line(action="REJECT", dstport=ports[nth % len(ports)], srcaddr=sources[nth % len(sources)])
        for nth in range(max(len(ports), len(sources)))
    ]
    sums, maps = Sums(60), Maps()
    sums.add(block(*(one + b" " * is_odd for one in found)), DEFAULT)
    distinct = maps.distinct(maps.read(sums.drain().rows["maps"]))
    return int(distinct[0][0]), int(distinct[1][0])


def is_close(found: int, true: int) -> bool:
    return abs(found - true) <= ERROR_MAX * true


@pytest.mark.parametrize("is_odd", [False, True], ids=["kernel", "reference"])
@pytest.mark.parametrize(
    ("first", "step", "count"), [(1, 1, 100), (1, 1, 600), (1, 47, 200), (1024, 1, 2000), (0, 32, 2000)]
)
def test_regular_ports_are_counted_within_the_stated_error(
    first: int, step: int, count: int, is_odd: bool
) -> None:
    """The first three were estimated as 127, 1,420 and fewer than 50 by a hash that mixed too little."""
    ports = range(first, first + step * count, step)
    assert is_close(told(ports, ["192.0.2.1"], is_odd=is_odd)[0], count)
    assert told(ports, ["192.0.2.1"], is_odd=is_odd)[1] == 1


progressions = st.tuples(st.integers(50, 2000), st.integers(1, 400), st.integers(0, 1 << 40))


@settings(max_examples=30)
@given(progressions, st.booleans())
def test_any_progression_of_ports_or_addresses_stays_within_the_stated_error(
    progression: tuple[int, int, int], is_v6: bool
) -> None:
    count, step, first = progression
    step = min(step, 65_535 // count)
    ports = range(first % (65_536 - step * count), 65_536, step)[:count]
    base = (0x2001_0DB8 << 96) + first if is_v6 else first % (2**32 - step * count)
    sources = [str(ip_address(base + step * nth)) for nth in range(count)]
    for is_odd in (False, True):
        found = told(ports, sources, is_odd=is_odd)
        assert is_close(found[0], count), (ports, found)
        assert is_close(found[1], count), (sources[0], step, found)


def test_thousands_of_progressions_of_ports_stay_within_the_stated_error() -> None:
    """Every step up to 64, from many first ports; the bits of a port are those of the kernel."""
    bits = np.array([port_bit(port) for port in range(65_536)])
    worst = 0.0
    for step in range(1, 65):
        for first in range(0, 65_536 - 2000 * min(step, 32), 4001):
            values = bits[first:65_536:step][:2000]
            _, places = np.unique(values, return_index=True)
            is_new = np.zeros(len(values), np.int64)
            is_new[places] = 1
            by_count = ESTIMATES[np.cumsum(is_new)]
            worst = max(worst, *(abs(by_count[n - 1] - n) / n for n in COUNTS if n <= len(values)))
    assert 0 < worst <= ERROR_MAX


def test_addresses_written_in_any_family_are_counted_within_the_stated_error() -> None:
    for base in ("10.0.0.0", "192.168.0.0", "203.0.0.0", "2001:db8::", "2600:1f18:1:2::a"):
        first = int(ip_address(base))
        for step in (1, 2, 3, 16, 47, 256):
            bits = {source_bit(str(ip_address(first + step * n)).encode()) for n in range(500)}
            assert is_close(estimate(len(bits)), 500), (base, step)


def test_maps_travel_as_a_column_and_a_foreign_size_is_refused() -> None:
    found = [b"", maps_of({1, 70}, {3}), b"", maps_of({1023}, {0})]
    maps = Maps()
    numbers = maps.read(_series(found))
    assert maps.column(numbers).to_list() == found
    assert [part.tolist() for part in maps.distinct(numbers)] == [[0, 2, 0, 1], [0, 1, 0, 1]]
    with pytest.raises(ValueError, match=f"{MAP_BYTES} bytes"):
        maps.read(_series([b"short"]))


def _series(values: list[bytes]) -> pl.Series:
    return pl.Series("maps", values, pl.Binary)


def test_maps_without_a_row_are_deleted_and_the_others_keep_their_bits() -> None:
    maps = Maps()
    numbers = maps.read(_series([maps_of({n % MAP_BITS}, {n // MAP_BITS}) for n in range(SPARE_MAPS + 10)]))
    rows = np.zeros(3, [("maps", np.int64)])
    rows["maps"] = [0, numbers[7], numbers[-1]]
    before = maps.column(rows["maps"]).to_list()
    maps.keep([rows])
    assert maps.used == 3
    assert maps.column(rows["maps"]).to_list() == before
