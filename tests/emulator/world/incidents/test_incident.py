"""Each kind of incident is there in the minutes of its label, and nowhere else, as its name promises."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from connectors.vpc.estate import Estate
from connectors.vpc.network import EniId
from emulator.world.incidents.changes import changed
from emulator.world.incidents.incident import Ec2Call, Incident
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.traffic import BULK_BYTES, CONTROL, DROP, INTRUDER, PLOTS, SCANNER
from emulator.world.simulation import World
from tests.emulator.world.worlds import AT, FIRST, crowded, flow, incidents, played, scripted

pytestmark = pytest.mark.bulk

MINE, PORT = pl.col("interface-id"), pl.col("dstport")
INGRESS, EGRESS = pl.col("flow-direction") == "ingress", pl.col("flow-direction") == "egress"
OPENS = pl.col("tcp-flags") & 2 == 2
RETRIES_S = 31


def sign(one: Incident) -> pl.Expr:
    """What tells an incident's traffic at its interface, in a world where nobody else talks but noise."""
    of_kind = {
        "host_sweep": EGRESS & (PORT == 445),
        "exfiltration": pl.col("dstaddr") == DROP,
        "beaconing": pl.col("dstaddr") == CONTROL,
        "flood": pl.col("srcaddr").str.contains(r"^8[1-6]\."),
        "chatty_pair": INGRESS & (pl.col("srcaddr") == _address(one.peers)),
    }
    of_source = {"port_scan": SCANNER, "slow_scan": SCANNER, "brute_force": INTRUDER}
    if one.kind in of_source:
        return INGRESS & (pl.col("srcaddr") == of_source[one.kind])
    return of_kind.get(one.kind, INGRESS & (one.port == PORT))


def _address(peers: tuple[str, ...]) -> str:
    return crowded().enis[EniId(peers[0])].private_ips[0] if peers else ""


def staged(kind: str, busy: int = 0, minutes: int = 0) -> tuple[Incident, World]:
    """Return one incident and a world in which it happens, for so many minutes if not for its own."""
    one = incidents()[kind]
    one = replace(one, minutes=minutes or one.minutes)
    return one, World(crowded(), 1, busy, Staged((one,), 1))


def noted(kind: str, minutes: int = 1, estate: Estate | None = None) -> tuple[Incident, pl.DataFrame]:
    """Return an incident and what its interface notes in its first minutes, in some estate."""
    one, world = staged(kind)
    world.use(estate or crowded())
    return one, played(world, minutes, AT).filter(one.eni == MINE)


def what_counts(estate: Estate) -> list[set[object]]:
    """Return all rules, entries and routes; their order means nothing."""
    found = estate.resources
    return [
        *({*one.ingress} for one in found.security_groups),
        *({*one.entries} for one in found.network_acls),
        *({*one.routes} for one in found.route_tables),
    ]


def begun(kind: str) -> Estate:
    return changed(crowded(), incidents()[kind].begin)


@pytest.mark.parametrize("kind", PLOTS)
def test_its_traffic_begins_in_the_minutes_of_its_label_and_in_no_other(kind: str) -> None:
    """But for what is tried again, which takes half a minute."""
    one, world = staged(kind, minutes=2)
    found = played(world, 6).filter(sign(one), OPENS, one.eni == MINE)
    assert one.label.window_start <= found["start"].min()
    assert found["end"].max() <= one.label.window_end + RETRIES_S
    per_minute = {minute: found.filter(pl.col("minute") == minute).height for minute in (AT, AT + 1, AT + 2)}
    assert per_minute[AT] > 0
    assert per_minute[AT + 1] > 2 * per_minute[AT + 2]


def test_a_port_scan_is_one_source_that_is_rejected_at_hundreds_of_ports() -> None:
    _, found = noted("port_scan")
    scan = found.filter(pl.col("srcaddr") == SCANNER, pl.col("action") == "REJECT")
    assert scan["dstport"].n_unique() > 250
    assert set(scan["tcp-flags"]) == {2}
    assert set(scan["packets"]) == {1}


def test_a_slow_scan_never_tries_a_port_twice_and_few_in_a_minute() -> None:
    _, found = noted("slow_scan", 40)
    scan = found.filter(pl.col("srcaddr") == SCANNER, INGRESS)
    assert scan.group_by("minute").len()["len"].to_list() == [3] * 40
    assert scan["dstport"].n_unique() == 120


def test_a_host_sweep_tries_one_port_of_every_address_of_the_subnet() -> None:
    one, found = noted("host_sweep")
    swept = found.filter(sign(one))
    assert swept["dstaddr"].n_unique() == 250
    assert swept["srcaddr"].unique().to_list() == list(crowded().enis[one.eni].private_ips)
    answered = set(found.filter(INGRESS, pl.col("srcport") == 445)["srcaddr"])
    assert {"10.0.1.100", "10.0.1.101"} & answered
    assert all(
        crowded().eni_at("vpc-a", int(f"0x0a0001{int(text.split('.')[3]):02x}", 16)) for text in answered
    )


def test_brute_force_is_many_short_connections_to_one_port_that_are_let_in() -> None:
    one, found = noted("brute_force")
    guesses = found.filter(sign(one))
    assert guesses.height >= 50
    assert guesses["dstport"].unique().to_list() == [22]
    assert guesses["action"].unique().to_list() == ["ACCEPT"]
    assert (guesses["end"] - guesses["start"]).max() <= 2


def test_exfiltration_sends_hundreds_of_megabytes_a_minute_to_one_host() -> None:
    one, found = noted("exfiltration", 3)
    sent, got = found.filter(sign(one)), found.filter(pl.col("srcaddr") == DROP)
    assert sent["bytes"].to_list() == [BULK_BYTES] * 3
    assert got["bytes"].sum() < BULK_BYTES / 10


def test_a_beacon_comes_every_minute_at_the_same_second_with_the_same_size() -> None:
    one, found = noted("beaconing", 30)
    beacons = found.filter(sign(one))
    assert beacons["start"].to_list() == [(AT + nth) * 60 + 17 for nth in range(30)]
    assert beacons["bytes"].n_unique() == 1


def test_a_flood_is_thousands_of_strangers_who_send_nothing_but_a_syn() -> None:
    one, found = noted("flood")
    flood = found.filter(sign(one))
    assert flood["srcaddr"].n_unique() > 2900
    assert flood.select("action", "dstport", "tcp-flags", "packets").unique().rows() == [
        ("ACCEPT", 443, 2, 1)
    ]
    back = found.filter(pl.col("dstaddr").str.contains(r"^8[1-6]\."))
    assert set(back["tcp-flags"]) == {18}


def test_a_removed_rule_rejects_what_was_let_in() -> None:
    one, before = noted("removed_rule")
    _, after = noted("removed_rule", estate=begun("removed_rule"))
    assert set(before.filter(sign(one))["action"]) == {"ACCEPT"}
    storm = after.filter(sign(one))
    assert set(storm["action"]) == {"REJECT"}
    assert storm.height > 150
    assert after.filter(pl.col("action") == "REJECT").height > 0.5 * after.height


def test_a_broken_return_lets_in_and_rejects_the_answer() -> None:
    """Security groups are stateful: REJECT on egress after ACCEPT on ingress is the network ACL."""
    one, found = noted("broken_return", estate=begun("broken_return"))
    assert set(found.filter(sign(one))["action"]) == {"ACCEPT"}
    back = found.filter(EGRESS, pl.col("srcport") == one.port)
    assert set(back["action"]) == {"REJECT"}
    assert set(back["tcp-flags"]) == {18}
    assert back.height > 100


@pytest.mark.parametrize("kind", ["removed_rule", "broken_return", "black_holed_route"])
def test_what_an_incident_changes_it_takes_back(kind: str) -> None:
    one = incidents()[kind]
    assert what_counts(begun(kind)) != what_counts(crowded())
    assert what_counts(changed(begun(kind), one.end)) == what_counts(crowded())
    staged = Staged((one,), 1)
    assert staged.changes(AT) == staged.undone(AT - 1) + list(one.begin) == list(one.begin)
    assert staged.changes(AT + one.minutes) == staged.undone(AT + 1) == list(one.end)
    assert staged.changes(AT + 1) == staged.undone(AT + one.minutes + 1) == []


def test_what_ends_is_taken_back_before_something_else_begins() -> None:
    first, second = (Ec2Call(name, {}) for name in ("first", "second"))
    ends, begins = (
        Incident("x", "eni-1", AT, 5, end=(first,)),
        Incident("y", "eni-2", AT + 5, 5, begin=(second,)),
    )
    assert Staged((begins, ends)).changes(AT + 5) == [first, second]


def test_a_dead_database_answers_nobody_and_says_nothing() -> None:
    """Not those who connect, and not those who were connected."""
    one, world = staged("dead_database", busy=300, minutes=2)
    found = played(world, 6).filter(one.eni == MINE)
    said = found.filter(EGRESS)["minute"].value_counts()
    assert set(said["minute"]) == {FIRST, FIRST + 1, AT + 2, AT + 3}
    asked = found.filter(pl.col("minute").is_in([AT, AT + 1]))
    assert set(asked.filter(PORT == 5432)["action"]) == {"ACCEPT"}
    assert set(asked["tcp-flags"]) == {0, 2}
    assert asked.filter(pl.col("tcp-flags") == 2).height > 200


def test_what_a_dead_database_would_open_does_not_begin_and_what_it_had_opened_ends() -> None:
    db, at = crowded().enis[EniId("eni-rds0")], AT * 60
    row = flow("eni-rds0", db.private_ips[0], "10.0.0.11", 443, lasts=600)
    later = row | {"start": at + 5, "end": at + 6, "srcport": 40_001}
    after = row | {"start": at + 125, "end": at + 126, "srcport": 40_002}
    dead = Incident("dead_database", db.interface_id, AT, 2)
    found = played(scripted(crowded(), row, later, after, incidents=(dead,)), 6)
    mine = found.filter(db.interface_id == MINE, EGRESS)
    assert mine.select("minute", "srcport").rows() == [
        (FIRST, 40_000),
        (FIRST + 1, 40_000),
        (AT + 2, 40_002),
    ]


def test_behind_a_black_holed_route_nobody_answers() -> None:
    one, world = staged("black_holed_route", busy=300)
    to_outside = EGRESS & (one.eni == MINE) & ~pl.col("dstaddr").str.starts_with("10.")
    assert set(played(world, 2).filter(to_outside)["traffic-path"]) == {1}
    world.use(begun("black_holed_route"))
    found = played(world, 2, AT)
    address = crowded().enis[one.eni].private_ips[0]
    tried = found.filter(to_outside)
    assert tried.height > 10
    assert set(tried["traffic-path"]) == {None}
    assert set(tried["action"]) == {"ACCEPT"}
    assert found.filter(pl.col("dstaddr") == address, ~pl.col("srcaddr").str.starts_with("10.")).is_empty()
    assert found.filter(MINE == "eni-nat", pl.col("srcaddr") == address).is_empty()


def test_a_chatty_pair_moves_gigabytes_between_two_zones() -> None:
    one, world = staged("chatty_pair")
    found = played(world, 8)
    subnets = [crowded().subnets[crowded().enis[each].subnet_id] for each in (one.eni, *one.peers)]
    assert {subnet.zone for subnet in subnets} == {"az1", "az2"}
    for each in (one.eni, *one.peers):
        assert found.filter(each == MINE)["bytes"].sum() > 5 * BULK_BYTES


def test_a_silent_interface_notes_nothing_and_talks_again() -> None:
    one, world = staged("silence", busy=300)
    minutes = set(played(world, 12).filter(one.eni == MINE)["minute"])
    assert minutes == {FIRST, FIRST + 1, *range(AT + one.minutes, FIRST + 12)}


def test_a_delivery_gap_is_told_of_its_interface_only() -> None:
    one, world = staged("delivery_gap")
    told = [world.minute(FIRST + nth).skipped for nth in range(6)]
    assert told == [(), (), *[(world.directory.eni(one.eni),)] * one.minutes, (), ()]
