"""A round of a world: its time, and where a bounded load lies."""

from __future__ import annotations

import time

import pytest

from emulator.flowlogs.player.run import WorldRun
from emulator.flowlogs.player.world_time import BOUNDED_STARTS_S, FAST_STARTS_S
from emulator.scope import Scope
from emulator.world.builder.building import build
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from tests.emulator.flowlogs.account import REGION, Account
from tests.emulator.flowlogs.player.portions import flow_log


def round_of(account: Account | None = None, **settings: object) -> WorldRun:
    """Return a round that has just begun."""
    return WorldRun(1, WorldSettings(**settings), lambda _: account.ec2 if account else None)  # type: ignore[arg-type]


def test_a_fast_world_starts_in_the_past_and_says_when_it_has_caught_up() -> None:
    playing = round_of(speed=60.0)
    assert playing.minute * 60 < time.time() - FAST_STARTS_S
    assert not playing.document()["has_caught_up"]
    assert playing.speed == 60.0
    near = round_of(speed=3600.0, start=int(time.time()) - 60)
    while not near.has_caught_up:
        assert near.now() <= time.time()
    assert near.document()["has_caught_up"]
    assert near.speed == 1.0


@pytest.mark.moto
@pytest.mark.parametrize(("records", "hours"), [(5_000, 2), (400_000, 12)])
async def test_a_bounded_load_starts_so_early_that_it_ends_before_the_present(
    account: Account, records: int, hours: int
) -> None:
    """The preset `small` makes between 300 and 1,500 records a minute, by the time of day."""
    vpc = (await build(account.ec2, preset("small"))).id("vpc", "small")
    playing = round_of(account, records=records, incidents=())
    one = flow_log(vpc)
    one.scope = Scope(account.number, REGION)
    await playing.play([one], 1)
    begun = time.time() - playing.minute * 60
    assert begun > hours * 3600 - 120
    assert hours > BOUNDED_STARTS_S / 3600 or begun < BOUNDED_STARTS_S + 120
