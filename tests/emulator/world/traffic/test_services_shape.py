"""Services talk as real ones do: few flows carry most bytes, days have hours, noise is always there."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from connectors.vpc.estate import Estate, Resources
from connectors.vpc.network import ICMP, TCP, UDP
from emulator.world.traffic import profiles
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.edges import Edge, edges
from emulator.world.traffic.flows import Flows, Kind
from emulator.world.traffic.profiles import Profile, level
from emulator.world.traffic.services import Services
from tests.connectors.vpc.estates import estate
from tests.emulator.world.worlds import FIRST

HOUR, DAY = 60, 24 * 60
TUESDAY = FIRST - 10 * HOUR
SCANNERS, PUBLIC = tuple(f"45.128.0.{n}" for n in range(1, 200)), ("198.51.100.10",)
LASTS_MAX_S = 3600


@cache
def whole() -> Services:
    """The services of the test estate, thirty times as busy as usual."""
    made = estate()
    return Services(Directory(made), made, 1, 3000)


@cache
def nobody() -> Estate:
    return Estate(Resources())


def alone(*found: Edge, busy: int = 100) -> Services:
    """Return the services of nothing but some edges."""
    return Services(Directory(nobody()), nobody(), 1, busy, found)


def edge(profile: Profile, port: int = 443, host: int = 1) -> Edge:
    return Edge(profile, "", (f"192.0.2.{host}",), (f"198.18.0.{host}",), port)


def count(services: Services, first: int, minutes: int = HOUR, step: int = 1) -> int:
    return sum(len(services.flows(first + nth)) for nth in range(0, minutes, step))


@cache
def morning() -> Flows:
    """Many answered flows of a morning."""
    made = Flows.joined([whole().flows(FIRST + nth) for nth in range(4)])
    return made.take(made.kind == Kind.ANSWERED)


def volumes(flows: Flows) -> Array:
    total: Array = flows.bytes + flows.bytes_back
    return total


def test_one_flow_in_a_hundred_carries_most_bytes() -> None:
    """Over a day; in the morning, when no batch runs, it is still a third."""
    usual = Services(Directory(estate()), estate(), 1)
    day = Flows.joined([usual.flows(TUESDAY + minute) for minute in range(0, DAY, 10)])
    for flows, share in ((day, 0.7), (morning(), 0.33)):
        sizes = np.sort(volumes(flows))
        assert len(sizes) > 20_000
        assert sizes[-len(sizes) // 100 :].sum() > share * sizes.sum()
        assert np.median(sizes) < 20_000


def test_most_flows_are_short_and_some_last_many_minutes() -> None:
    tcp = morning().take(morning().protocol == TCP)
    lasts = tcp.end - tcp.start
    assert np.median(lasts) <= 1
    assert (lasts > 300).sum() > 10
    assert lasts.max() <= LASTS_MAX_S


def test_some_servers_are_far_more_popular_than_others() -> None:
    servers = alone(*(edge(profiles.TIER, host=host) for host in range(1, 33)))
    found = Flows.joined([servers.flows(FIRST + nth) for nth in range(10)])
    counts = np.unique(found.dst, return_counts=True)[1]
    assert len(counts) == 32
    assert counts.max() > 6 * counts.min()


def test_office_hours_are_busier_than_the_night() -> None:
    web = alone(edge(profiles.WEB))
    assert 4 < count(web, TUESDAY + 11 * HOUR) / count(web, TUESDAY + 3 * HOUR) < 10


def test_weekends_are_quieter() -> None:
    web = alone(edge(profiles.WEB))
    saturday = count(web, TUESDAY + 4 * DAY, DAY, 15)
    sunday = count(web, TUESDAY + 5 * DAY, DAY, 15)
    tuesday = count(web, TUESDAY, DAY, 15)
    assert 0.4 * tuesday < sunday < saturday < 0.7 * tuesday


def test_batches_run_at_night() -> None:
    batch = alone(*(edge(profiles.BATCH, host=host) for host in range(1, 50)))
    assert count(batch, TUESDAY + 2 * HOUR) > 5 * count(batch, TUESDAY + 14 * HOUR)


def test_what_is_flat_is_the_same_at_any_hour() -> None:
    health = alone(edge(replace(profiles.HEALTH, protocol=UDP)))
    for first in (TUESDAY + 3 * HOUR, TUESDAY + 11 * HOUR, TUESDAY + 5 * DAY):
        assert count(health, first, 10) == 10 * profiles.HEALTH.flows // 1000


@pytest.mark.parametrize("shape", ["office", "flat", "night"])
def test_a_level_is_a_thousandth_of_the_mean_of_a_week(shape: profiles.Shape) -> None:
    week = [level(shape, (TUESDAY + minute) * 60) for minute in range(0, 7 * DAY, 10)]
    assert sum(week) / len(week) == pytest.approx(1000, rel=0.1)
    assert max(abs(a - b) for a, b in pairwise(week)) < 600


@pytest.mark.parametrize("profile", [profiles.NOISE, profiles.NOISE_UDP, profiles.NOISE_ICMP])
def test_noise_comes_at_its_rate_however_busy_the_estate_is(profile: Profile) -> None:
    found = [alone(Edge(profile, "", SCANNERS, PUBLIC, 0), busy=busy) for busy in (0, 5000)]
    counts = [count(one, FIRST, 200) for one in found]
    assert counts[0] == counts[1]
    assert counts[0] == pytest.approx(200 * profile.flows / 1000, rel=0.2)


@pytest.mark.parametrize("profile", [profiles.WEB, profiles.TIER, profiles.DATABASE, profiles.DATAGRAMS])
def test_a_service_comes_at_its_rate_times_how_popular_and_busy_it_is(profile: Profile) -> None:
    made = [edge(profile, host=host) for host in range(1, 41)]
    now = level("office", FIRST * 60) / 1000
    each = count(alone(*made), FIRST, 10) / 10 / 40 / now * 1000 / profile.flows
    assert 1 < each < 20
    twice = count(alone(*made, busy=200), FIRST, 10) / count(alone(*made), FIRST, 10)
    assert twice == pytest.approx(2, rel=0.05)


def test_scans_of_one_host_by_several_protocols_are_not_the_same_scan() -> None:
    scans = [
        alone(Edge(profile, "", SCANNERS, PUBLIC, 0)) for profile in (profiles.NOISE, profiles.NOISE_UDP)
    ]
    tcp, udp = (
        {(int(s), int(t)) for nth in range(100) for made in [one.flows(FIRST + nth)]
         for s, t in zip(made.src, made.start, strict=True)}
        for one in scans
    )  # fmt: skip
    assert len(tcp & udp) < len(udp) / 10


def test_the_minutes_of_a_seed_may_be_asked_in_any_order() -> None:
    made = estate()
    forth, back = (Services(Directory(made), made, 5) for _ in range(2))
    minutes = range(FIRST, FIRST + 6)
    one = {minute: forth.flows(minute) for minute in minutes}
    other = {minute: back.flows(minute) for minute in reversed(minutes)}
    for minute in minutes:
        for name in Flows.__dataclass_fields__:
            assert np.array_equal(getattr(one[minute], name), getattr(other[minute], name)), name


def test_flows_begin_in_their_minute_and_late_packets_after_their_connection() -> None:
    found = whole().flows(FIRST)
    is_late = found.kind == Kind.LATE
    begun = found.take(~is_late)
    assert ((begun.start >= FIRST * 60) & (begun.start < FIRST * 60 + 60)).all()
    assert (found.start[is_late] == found.end[is_late]).all()
    assert 0 < is_late.sum() < len(begun) / 100


def test_ports_are_those_of_clients_and_icmp_has_none() -> None:
    found = alone(edge(profiles.PING, 0), edge(profiles.WEB), busy=3000).flows(FIRST)
    is_icmp = found.protocol == ICMP
    assert is_icmp.any()
    assert set(found.srcport[is_icmp]) | set(found.dstport[is_icmp]) == {0}
    clients = found.srcport[~is_icmp]
    assert ((clients >= 32_768) & (clients < 61_000)).all()


def test_only_tcp_is_refused_and_nobody_answers_a_scan_by_udp() -> None:
    found = whole().flows(FIRST)
    assert set(found.protocol[found.kind == Kind.REFUSED]) == {TCP}
    web = Edge(profiles.WEB, "", SCANNERS, PUBLIC, 443)
    scan = alone(Edge(profiles.NOISE_UDP, "", SCANNERS, PUBLIC, 0), web, busy=0)
    scanned = Flows.joined([scan.flows(FIRST + nth) for nth in range(60)])
    assert set(scanned.protocol) == {UDP}
    assert set(scanned.kind) == {Kind.UNANSWERED}


def test_a_scanner_is_refused_where_nobody_listens() -> None:
    scan, web = Edge(profiles.NOISE, "", SCANNERS, PUBLIC, 0), Edge(profiles.WEB, "", SCANNERS, PUBLIC, 443)
    services = alone(scan, web, busy=0)
    found = Flows.joined([services.flows(FIRST + nth) for nth in range(300)])
    usual = found.take(found.kind != Kind.LATE)
    answered = usual.dstport[usual.kind == Kind.ANSWERED]
    assert set(answered) == {443}
    assert len(set(usual.dstport)) == len(profiles.SCANNED_PORTS)


def test_packets_are_no_larger_than_a_network_carries() -> None:
    tcp = morning().take(morning().protocol == TCP)
    assert (tcp.bytes <= 1500 * tcp.packets).all()
    assert (tcp.bytes_back <= 1500 * tcp.packets_back).all()
    assert (tcp.bytes >= 52 * tcp.packets).all()
    assert (np.minimum(tcp.packets, tcp.packets_back) >= 2).all()


def test_an_edge_has_its_own_chances_whoever_else_there_is() -> None:
    first, second = edge(profiles.WEB, host=1), edge(profiles.WEB, host=2)
    single, both = alone(first).flows(FIRST), alone(second, first).flows(FIRST)
    mine = both.take(both.src == both.src.max())
    assert np.array_equal(single.start, mine.start)
    assert np.array_equal(single.bytes_back, mine.bytes_back)


def test_an_edge_named_twice_talks_once() -> None:
    made = estate()
    once = Services(Directory(made), made, 1)
    again = Services(Directory(made), made, 1, more=edges(made))
    assert len(once.flows(FIRST)) == len(again.flows(FIRST))
