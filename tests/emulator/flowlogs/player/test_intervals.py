"""Whose records a flow log delivers, which of them, and when: levels, filters, intervals, silence, gaps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from connectors.vpc.estate import Estate
from emulator.flowlogs.player.delivery.batches import batch
from emulator.flowlogs.player.intervals import Intervals, Portion
from emulator.flowlogs.player.rows import lines
from emulator.world.simulation import Minute, World
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.records import Records
from tests.connectors.vpc.estates import eni, estate
from tests.emulator.flowlogs.player.portions import FIRST, flow_log, minute, rows

VPC_A = {"web", "bastion", "app", "worker", "db", "fw", "nat", "endpoint", "tgw-a1", "tgw-a2", "old"}
PRIVATE = {"app", "worker", "endpoint", "old"}
TEN = 600


@cache
def whole() -> Estate:
    """Return the test estate and an instance that is none of Nitro; eni-web is one."""
    old = eni("old", "subnet-private", "10.0.1.9", instance_id="i-old", is_nitro=False)
    return estate(enis={"eni-old": old})


@cache
def directory() -> Directory:
    return Directory(whole())


def number(name: str) -> int:
    return directory().eni(f"eni-{name}")


def names(numbers: object) -> set[str]:
    return {directory().enis[one].interface_id.removeprefix("eni-") for one in np.asarray(numbers).tolist()}


def intervals(resource: str = "vpc-a", kind: str = "VPC", **more: object) -> Intervals:
    made = Intervals(flow_log(resource, kind, **more))
    made.use(directory())
    return made


def every(nth: int = 0) -> Minute:
    """Return a minute in which every interface has one record."""
    return minute(nth, range(1, len(directory().enis)))


def all_of(made: Intervals, minutes: list[Minute]) -> list[Portion]:
    return [portion for one in minutes for portion in made.add(one)]


@pytest.mark.parametrize(
    ("resource", "kind", "mine"),
    [
        ("vpc-a", "VPC", VPC_A),
        ("vpc-b", "VPC", {"peer"}),
        ("subnet-private", "Subnet", PRIVATE),
        ("eni-db", "NetworkInterface", {"db"}),
        ("eni-other", "NetworkInterface", set()),
        ("subnet-none", "Subnet", set()),
    ],
)
def test_a_flow_log_has_the_interfaces_of_its_level(resource: str, kind: str, mine: set[str]) -> None:
    made = intervals(resource, kind)
    found = all_of(made, [every()])
    assert [names(one.records.eni) for one in found] == ([mine] if mine else [])


@pytest.mark.parametrize(("wanted", "kept"), [("ALL", [1, 2]), ("ACCEPT", [1]), ("reject", [2])])
def test_a_filter_keeps_one_action(wanted: str, kept: list[int]) -> None:
    both = minute(0, [number("app")] * 2, is_reject=[0, 1], packets=[1, 2])
    (found,) = all_of(intervals(traffic_type=wanted), [both])
    assert found.records.packets.tolist() == kept


def test_who_is_idle_gets_nodata_and_who_was_filtered_away_does_not() -> None:
    """An interface that was idle, not one whose traffic the flow log does not want."""
    (found,) = all_of(intervals(traffic_type="REJECT"), [minute(0, [number("app")])])
    assert len(found.records) == 0
    assert names(found.idle) == VPC_A - {"app"}


def test_every_minute_is_an_interval_of_sixty_seconds() -> None:
    found = all_of(intervals(), [every(0), every(1)])
    assert [(one.begins, one.ends) for one in found] == [
        (FIRST * 60, FIRST * 60 + 60),
        (FIRST * 60 + 60, FIRST * 60 + 120),
    ]


def test_an_instance_of_nitro_is_noted_every_minute_whatever_was_asked_for() -> None:
    """VPC guide, "Aggregation interval": at most a minute, though ten were asked for."""
    found = all_of(intervals(interval_s=TEN), [every(nth) for nth in range(10)])
    short, long = found[:10], found[10:]
    assert [names(one.records.eni) for one in short] == [{"web"}] * 10
    assert {one.ends - one.begins for one in short} == {60}
    assert [(one.begins, one.ends) for one in long] == [(FIRST * 60, FIRST * 60 + TEN)]
    assert names(long[0].records.eni) == VPC_A - {"web"}


def test_ten_minutes_are_one_record_that_sums_them() -> None:
    minutes = [minute(nth, [number("app")], packets=[nth + 1], flags=[1 << nth % 3]) for nth in range(10)]
    (found,) = all_of(intervals("subnet-private", "Subnet", interval_s=TEN), minutes)
    (packets,), (size,) = found.records.packets.tolist(), found.records.bytes.tolist()
    assert (packets, size) == (55, 10_000)
    assert (found.records.start[0], found.records.end[0]) == (FIRST * 60 + 7, FIRST * 60 + TEN - 60 + 31)
    assert found.records.flags[0] == 7
    assert names(found.idle) == PRIVATE - {"app"}


def test_what_ten_minutes_deliver_is_the_sum_of_what_one_minute_delivers() -> None:
    """With the traffic of a world: nothing is lost or counted twice between the intervals."""
    world = World(whole(), 1)
    made = [world.minute(FIRST + nth) for nth in range(20)]
    for name in ("packets", "bytes"):
        long, short = (
            sum(
                int(getattr(one.records, name).sum())
                for one in all_of(_of(world, Intervals(flow_log(interval_s=interval))), made)
            )
            for interval in (TEN, 60)
        )
        assert long == short > 0


def _of(world: World, made: Intervals) -> Intervals:
    made.use(world.directory)
    return made


@pytest.mark.parametrize("first", [0, 3, 9])
def test_ten_minutes_end_by_the_clock(first: int) -> None:
    made = intervals("eni-app", "NetworkInterface", interval_s=TEN)
    found = all_of(made, [every(nth) for nth in range(first, 21)])
    assert [one.begins for one in found] == [(FIRST + first) * 60, (FIRST + 10) * 60]
    assert [one.ends for one in found] == [(FIRST + 10) * 60, (FIRST + 20) * 60]


def test_what_is_not_complete_when_the_world_ends_is_given_once() -> None:
    made = intervals("eni-app", "NetworkInterface", interval_s=TEN)
    assert all_of(made, [every(nth) for nth in range(4)]) == []
    (found,) = made.rest()
    assert (found.begins, found.ends) == (FIRST * 60, FIRST * 60 + 240)
    assert found.records.packets.tolist() == [40]
    assert list(made.rest()) == []


def test_a_gap_is_told_of_and_loses_half_of_the_others() -> None:
    app, db = number("app"), number("db")
    ports = list(range(40_000, 40_020))
    made = minute(0, [app] * 10 + [db] * 10, [app], dstport=ports)
    (found,) = all_of(intervals(), [made])
    assert names(found.skipped) == {"app"}
    assert (found.records.eni == app).sum() == 5
    assert (found.records.eni == db).sum() == 10


def test_a_gap_of_an_interface_that_was_idle_or_is_not_mine_is_not_told_of() -> None:
    made = minute(0, [number("app")], [number("db"), number("peer")])
    (found,) = all_of(intervals(), [made])
    assert found.skipped.tolist() == []
    assert number("db") in found.idle


def test_a_gap_in_one_minute_is_a_gap_of_its_ten() -> None:
    app = number("app")
    minutes = [minute(nth, [app], [app] if nth == 4 else []) for nth in range(10)]
    (found,) = all_of(intervals("eni-app", "NetworkInterface", interval_s=TEN), minutes)
    assert found.skipped.tolist() == [app]


def test_lines_of_an_interval_are_records_then_silence() -> None:
    app = number("app")
    made = minute(0, [app] * 3, [app], dstport=[1, 2, 3])
    (found,) = all_of(intervals("subnet-private", "Subnet"), [made])
    texts = lines(batch(found, rows(directory())).frame).to_list()
    before, times = "2 111111111111 eni", f"{FIRST * 60} {FIRST * 60 + 59}"
    assert [text.endswith("ACCEPT OK") for text in texts] == [True, True, False, False, False, False]
    silent = sorted(text.split()[2] for text in texts if text.endswith("NODATA"))
    assert silent == ["eni-endpoint", "eni-old", "eni-worker"]
    assert texts[-1] == f"{before}-app - - - - - - - {times} - SKIPDATA"


def test_an_interface_that_comes_is_told_of_and_one_that_goes_keeps_what_it_noted() -> None:
    known = Directory(without("eni-worker"))
    made = Intervals(flow_log("subnet-private", "Subnet", interval_s=TEN))
    made.use(known)
    assert all_of(made, [minute(0, [known.eni("eni-app")])]) == []
    known.use(whole())
    made.use(known)
    assert all_of(made, [minute(1, [known.eni("eni-worker"), known.eni("eni-app")])]) == []
    known.use(without("eni-app"))
    made.use(known)
    (found,) = all_of(made, [minute(nth, []) for nth in range(2, 10)])
    assert dict(zip(found.records.eni.tolist(), found.records.packets.tolist(), strict=True)) == {
        known.eni("eni-app"): 20,
        known.eni("eni-worker"): 10,
    }
    assert {known.enis[one].interface_id for one in found.idle.tolist()} == {"eni-endpoint", "eni-old"}


def without(name: str) -> Estate:
    return whole().with_changes(enis=tuple(e for e in whole().resources.enis if e.interface_id != name))


def test_intervals_do_not_run_together_when_all_interfaces_go_and_others_come() -> None:
    known = Directory(whole())
    made = Intervals(flow_log("subnet-data", "Subnet", interval_s=TEN))
    made.use(known)
    found = all_of(made, [minute(3, [known.eni("eni-db")])])
    known.use(whole().with_changes(enis=()))
    made.use(known)
    found += all_of(made, [minute(nth, []) for nth in range(4, 12)])
    known.use(whole())
    made.use(known)
    found += all_of(made, [minute(nth, [known.eni("eni-db")]) for nth in range(12, 20)])
    assert [(one.begins - FIRST * 60, one.ends - FIRST * 60) for one in found] == [(180, 240), (720, 1200)]
    assert [one.records.packets.tolist() for one in found] == [[10], [80]]


def test_adding_does_not_change_the_minute() -> None:
    """Several flow logs are given the same one."""
    made = every()
    before = Records(*(getattr(made.records, name).copy() for name in Records.__dataclass_fields__))
    for interval in (60, TEN):
        one = intervals(interval_s=interval)
        list(one.add(made))
        list(one.add(replace(made, minute=made.minute + 9)))
    for name in Records.__dataclass_fields__:
        assert np.array_equal(getattr(made.records, name), getattr(before, name))
