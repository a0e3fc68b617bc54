"""The time of a world: never after the present, whatever the speed, and at speed 1 once it has caught up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flowlogs.player.world_time import (
    BOUNDED_STARTS_S,
    FAST_STARTS_S,
    PAST_MAX_S,
    WorldTime,
    first_second,
    first_second_that_fits,
)
from emulator.world.settings import SPEED_MAX, WorldSettings

PRESENT = 1_790_000_017.25


@given(
    start=st.integers(0, int(PRESENT) + 86_400),
    speed=st.floats(0.001, SPEED_MAX),
    elapsed_s=st.floats(0, 1e7),
)
def test_a_world_is_never_ahead_of_the_present(start: int, speed: float, elapsed_s: float) -> None:
    present = PRESENT + elapsed_s
    assert WorldTime(start, speed).now(elapsed_s, present) <= present


def test_a_fast_world_starts_a_day_ago_and_goes_on_at_speed_1_when_it_has_caught_up() -> None:
    start = first_second(WorldSettings(speed=60.0), PRESENT)
    assert PRESENT - 60 - FAST_STARTS_S < start <= PRESENT - FAST_STARTS_S
    time = WorldTime(start, 60.0)
    assert time.now(10.0, PRESENT + 10) == start + 600
    assert not time.has_caught_up(1460.0, PRESENT + 1460)
    assert time.has_caught_up(1466.0, PRESENT + 1466)
    assert time.now(2000.0, PRESENT + 2000) == PRESENT + 2000
    assert time.now(2001.0, PRESENT + 2001) == PRESENT + 2001


@pytest.mark.parametrize("speed", [0.5, 1.0])
def test_a_world_that_is_not_fast_starts_now(speed: float) -> None:
    start = first_second(WorldSettings(speed=speed), PRESENT)
    assert start == int(PRESENT) // 60 * 60
    assert not WorldTime(start, speed).has_caught_up(1e6, PRESENT + 1e6)


@pytest.mark.parametrize("settings", [{"speed": 60.0}, {"speed": 1.0}, {"records": 1000}])
def test_a_world_starts_where_its_settings_say(settings: dict[str, float]) -> None:
    given_start = WorldSettings(start=1_700_000_059, **settings)  # type: ignore[arg-type]
    assert first_second(given_start, PRESENT) == 1_700_000_040
    assert first_second_that_fits(given_start, PRESENT, 1.0) == 1_700_000_040


@pytest.mark.parametrize(
    ("records", "a_minute", "ago_s"),
    [
        (20_000, 900.0, BOUNDED_STARTS_S),
        (200_000, 800.0, 750 * 60),
        (1_000_000, 10.0, PAST_MAX_S),
        (1_000, 0.0, BOUNDED_STARTS_S),
    ],
)
def test_a_bounded_load_starts_so_early_that_it_ends_before_the_present(
    records: int, a_minute: float, ago_s: int
) -> None:
    start = first_second_that_fits(WorldSettings(records=records), PRESENT, a_minute)
    assert start == int(PRESENT - ago_s) // 60 * 60
