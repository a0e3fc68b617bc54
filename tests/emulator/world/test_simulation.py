"""A world minute by minute: the same seed gives the same lines, and what the network says decides them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import sha256
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from connectors.vpc.network import GroupId
from emulator.flowlogs.player.rows import Rows, lines
from emulator.world.simulation import World
from emulator.world.traffic.records import Records
from tests.connectors.vpc.estates import ALLOW_ALL, GROUPS, eni, estate
from tests.emulator.world.worlds import FIRST, HERE, flow, played, scripted, table, text

TEN_MINUTES_SHA256 = "7995410a84335c37793312a18613b4217ae3f55c044021374ebe6047188795d3"
"""Of the lines of ten minutes with seed 1. Who changes what a world does changes this, and knows it."""
CLIENT, SERVER = "10.0.1.5", "10.0.2.7"
OUTSIDE = "203.0.113.9"
IDENTITY = [
    *("interface-id", "flow-direction", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"),
    *("pkt-srcaddr", "pkt-dstaddr", "action"),
]
LEGAL_FLAGS = {0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 22, 23}  # OR-ed FIN, SYN, RST and SYN-ACK


@cache
def ten_minutes(seed: int = 1) -> list[str]:
    world = World(estate(), seed)
    return [line for nth in range(10) for line in text(world, world.minute(FIRST + nth))]


def of_port(found: pl.DataFrame, srcport: int) -> list[tuple[str, str, str, int]]:
    """Return who noted what of the flow from a port, with its flags; both directions."""
    mine = found.filter((pl.col("srcport") == srcport) | (pl.col("dstport") == srcport))
    columns = mine.select("interface-id", "flow-direction", "action", "tcp-flags")
    return sorted(columns.rows())


def test_the_lines_of_a_seed_are_the_same_bytes_on_any_machine() -> None:
    digest = sha256("\n".join(ten_minutes()).encode()).hexdigest()
    assert digest == TEN_MINUTES_SHA256


def test_another_seed_gives_other_lines() -> None:
    first, other = set(ten_minutes()), set(ten_minutes(2))
    assert len(first & other) < len(first) / 100


def test_lines_do_not_depend_on_slices_nor_on_what_else_was_asked() -> None:
    """One world renders whole minutes; the other slices of them, and has heard of other addresses."""
    world = World(estate(), 1)
    rows = Rows(world.directory, HERE, DEFAULT_FORMAT)
    found: list[str] = []
    for nth in range(10):
        world.directory.address(f"192.0.2.{nth}")
        records = world.minute(FIRST + nth).records
        cuts = sorted([0, 1, 7 * nth, 100, 50 * nth, len(records)])
        parts = [records.take(slice(a, b)) for a, b in pairwise(cuts)]
        found += [line for part in parts for line in lines(rows.frame(part)).to_list()]
        world.directory.address(f"198.18.0.{nth}")
    assert found == ten_minutes()


def test_minutes_are_asked_in_order() -> None:
    """Some may be left out, as while nobody records; none comes twice."""
    world = World(estate(), 1)
    world.minute(FIRST)
    assert len(world.minute(FIRST + 2).records)
    for asked in (FIRST + 1, FIRST + 2):
        with pytest.raises(ValueError, match=f"minute {asked} does not follow {FIRST + 2}"):
            world.minute(asked)


def test_what_nobody_goes_by_is_forgotten_when_ec2_changes() -> None:
    """A world that goes on for days through changes costs no more at its end."""
    world = World(estate(), 1)
    sizes = []
    for nth in range(6):
        world.minute(FIRST + nth)
        sizes.append(len(world.verdicts.templates))
        world.use(estate(groups={"sg-web": ((f"tcp {8000 + nth} 0.0.0.0/0",), ("all 0.0.0.0/0",))}))
    assert max(sizes[1:]) < 1.5 * sizes[1]
    assert len(world.verdicts.templates) < sizes[1]


def test_a_record_is_one_direction_of_one_flow_at_one_interface() -> None:
    world = World(estate(), 1, 3000)
    for nth in range(3):
        made = world.minute(FIRST + nth)
        found = table(world, made)
        assert found.height > 3000
        assert not found.select(IDENTITY).is_duplicated().any()
        assert (np.diff(made.records.eni) >= 0).all()


def test_times_lie_in_the_interval_and_flags_are_legal() -> None:
    found = played(World(estate(), 1, 300), 10)
    begins = found["minute"] * 60
    assert (found["start"] >= begins).all()
    assert (found["start"] <= found["end"]).all()
    assert (found["end"] < begins + 60).all()
    assert set(found["tcp-flags"]) <= LEGAL_FLAGS
    assert set(found["tcp-flags"]) >= {0, 1, 2, 3, 18, 19}
    assert set(found.filter(pl.col("protocol") != 6)["tcp-flags"]) == {0}
    assert (found["packets"] >= 1).all()
    assert (found["bytes"] >= 28 * found["packets"]).all()


def test_both_ends_of_a_tracked_connection_note_it_and_a_new_one_is_rejected() -> None:
    """Between `use` and the next minute the rule that let both in is gone."""
    row = flow("eni-app", CLIENT, SERVER, 5432, lasts=400)
    later = row | {"srcport": 40_001, "start": row["start"] + 120, "end": row["start"] + 121}
    world = scripted(estate(), row, later)
    both = [
        *(("eni-app", "egress", "ACCEPT"), ("eni-app", "ingress", "ACCEPT")),
        *(("eni-db", "egress", "ACCEPT"), ("eni-db", "ingress", "ACCEPT")),
    ]
    assert [one[:3] for one in of_port(played(world, 2), 40_000)][::2] == both
    world.use(estate(groups={"sg-db": ((), GROUPS["sg-db"][1])}))
    found = played(world, 1, FIRST + 2)
    assert [one[:3] for one in of_port(found, 40_000)] == both
    assert of_port(found, 40_001) == [("eni-app", "egress", "ACCEPT", 2), ("eni-db", "ingress", "REJECT", 2)]


def test_a_connection_that_is_not_tracked_breaks_with_its_rule() -> None:
    """EC2 guide, "Untracked connections": everybody may come in, and everything may go out."""
    row = flow("eni-app", CLIENT, "10.0.0.11", 22, lasts=400)
    world = scripted(estate(), row)
    assert {one[2] for one in of_port(played(world, 2), 40_000)} == {"ACCEPT"}
    world.use(estate(groups={"sg-open": ((), GROUPS["sg-open"][1])}))
    found = of_port(played(world, 1, FIRST + 2), 40_000)
    assert found == [("eni-app", "egress", "ACCEPT", 0), ("eni-bastion", "ingress", "REJECT", 0)]


def test_a_network_acl_breaks_what_is_tracked_and_what_is_new() -> None:
    row = flow("eni-app", CLIENT, SERVER, 5432, lasts=400)
    later = row | {"srcport": 40_001, "start": row["start"] + 60, "end": row["start"] + 61}
    world = scripted(estate(), row, later)
    world.minute(FIRST)
    world.use(estate(acls={"subnet-data": ("1 in deny tcp 5432 10.0.0.0/8", *ALLOW_ALL)}))
    found = played(world, 1, FIRST + 1)
    assert of_port(found, 40_000) == [("eni-app", "egress", "ACCEPT", 0), ("eni-db", "ingress", "REJECT", 0)]
    assert of_port(found, 40_001) == [("eni-app", "egress", "ACCEPT", 2), ("eni-db", "ingress", "REJECT", 2)]


def test_what_broke_does_not_come_back_with_its_rule() -> None:
    row = flow("eni-app", CLIENT, SERVER, 5432, lasts=400)
    world = scripted(estate(), row)
    world.minute(FIRST)
    world.use(estate(acls={"subnet-data": ("1 in deny tcp 5432 10.0.0.0/8", *ALLOW_ALL)}))
    world.minute(FIRST + 1)
    world.use(estate())
    assert of_port(played(world, 1, FIRST + 2), 40_000) == []


def test_an_interface_added_later_begins_to_talk_and_nobody_else_changes() -> None:
    whole = estate()
    before = whole.with_changes(enis=tuple(e for e in whole.resources.enis if e.interface_id != "eni-worker"))
    growing, without = World(before, 1), World(before, 1)
    assert "eni-worker" not in set(played(growing, 2)["interface-id"])
    without.minute(FIRST), without.minute(FIRST + 1)
    growing.use(whole)
    found = played(growing, 5, FIRST + 2)
    assert "eni-worker" in set(found["interface-id"])
    is_worker = pl.any_horizontal(pl.col("srcaddr", "dstaddr") == "10.0.1.6")
    others = ~is_worker & (pl.col("interface-id") != "eni-nat")
    expected = played(without, 5, FIRST + 2).filter(pl.col("interface-id") != "eni-nat")
    assert sorted(found.filter(others).rows()) == sorted(expected.rows())


def test_an_interface_taken_away_falls_silent() -> None:
    whole = estate()
    world = World(whole, 1)
    assert "eni-app" in set(played(world, 2)["interface-id"])
    world.use(whole.with_changes(enis=tuple(e for e in whole.resources.enis if e.interface_id != "eni-app")))
    assert "eni-app" not in set(played(world, 3, FIRST + 2)["interface-id"])


def test_a_nat_gateway_notes_four_records() -> None:
    """VPC guide, "Flow log record examples", traffic through a NAT gateway."""
    world = scripted(estate(), flow("eni-app", CLIENT, OUTSIDE, 443))
    is_mine = pl.col("srcport").is_in([443, 40_000])
    found = played(world, 1).filter(pl.col("interface-id") == "eni-nat", is_mine)
    names = ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "flow-direction", "packets", "bytes")
    nat = "10.0.0.220"
    assert set(found.select(names).rows()) == {
        (CLIENT, nat, CLIENT, OUTSIDE, "ingress", 10, 1000),
        (nat, OUTSIDE, nat, OUTSIDE, "egress", 10, 1000),
        (OUTSIDE, nat, OUTSIDE, nat, "ingress", 8, 5000),
        (nat, CLIENT, OUTSIDE, CLIENT, "egress", 8, 5000),
    }


def test_queries_to_the_resolver_are_not_noted_and_those_to_an_own_server_are() -> None:
    """The resolver is at .2 of the VPC, whatever subnets there are."""
    row = flow("eni-app", CLIENT, "10.0.0.2", 53, protocol=17)
    far = row | {"origin": "eni-far", "src": "10.40.1.236", "dst": "10.40.0.2", "srcport": 40_002}
    world = scripted(estate(), row, row | {"dst": "10.0.0.11", "srcport": 40_001}, far)
    found = played(world, 1)
    assert of_port(found, 40_000) == of_port(found, 40_002) == []
    assert [one[0] for one in of_port(found, 40_001)] == ["eni-app", "eni-app", "eni-bastion", "eni-bastion"]


def test_a_host_that_does_not_answer_is_tried_with_the_same_syn_in_every_minute() -> None:
    world = scripted(estate(), flow("eni-app", CLIENT, SERVER, 5432, after=50, kind=2, tries=5))
    found = played(world, 2)
    mine = found.filter(pl.col("srcport") == 40_000, pl.col("interface-id") == "eni-db")
    assert mine.select("packets", "tcp-flags", "action").rows() == [(3, 2, "ACCEPT"), (2, 2, "ACCEPT")]
    assert {one[:3] for one in of_port(found, 40_000)} == {
        ("eni-app", "egress", "ACCEPT"),
        ("eni-db", "ingress", "ACCEPT"),
    }


def test_a_host_that_refuses_resets() -> None:
    found = played(scripted(estate(), flow("eni-app", CLIENT, SERVER, 5432, kind=1)), 1)
    assert of_port(found, 40_000)[:2] == [
        ("eni-app", "egress", "ACCEPT", 2),
        ("eni-app", "ingress", "ACCEPT", 4),
    ]


def test_a_packet_after_its_connection_was_forgotten_is_rejected_with_a_fin() -> None:
    """A REJECT with flags 0, 1 or 4 is a late packet, not a blocked connection."""
    closed = {"sg-db": (GROUPS["sg-db"][0], ())}
    found = played(scripted(estate(closed), flow("eni-app", CLIENT, SERVER, 5432, kind=3)), 1)
    assert of_port(found, 40_000) == [("eni-db", "egress", "REJECT", 1)]


def test_what_no_interface_notes_goes_on_when_the_network_changes() -> None:
    """Between a Network Load Balancer and an endpoint nothing is logged ("Flow log limitations")."""
    nlb = replace(
        eni("nlb", "subnet-private", "10.0.1.60", interface_type="network_load_balancer"),
        groups=(GroupId("sg-open"),),
    )
    world = scripted(estate(enis={"eni-nlb": nlb}), flow("eni-nlb", "10.0.1.60", "10.0.1.50", 443, lasts=400))
    assert of_port(played(world, 1), 40_000) == []
    world.use(estate(enis={"eni-nlb": nlb}))
    assert of_port(played(world, 1, FIRST + 1), 40_000) == []


def test_an_empty_estate_has_a_minute_without_records() -> None:
    nobody = estate().with_changes(enis=())
    assert isinstance(made := World(nobody, 1).minute(FIRST).records, Records)
    assert len(made) == 0
