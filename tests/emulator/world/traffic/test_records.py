"""What is noted of a flow over all its minutes adds up to the flow, however long it lasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.vpc.network import ICMP, TCP, UDP
from emulator.world.traffic.flows import Ending, Flows
from emulator.world.traffic.records import Records, alive, merged, records
from emulator.world.traffic.templates import DESTINATION, SOURCE, Course, Templates
from tests.emulator.world.worlds import FIRST

BEGINS = FIRST * 60
ENI = 1
FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
CLIENT_ENDS = {Ending.FIN: FIN, Ending.CLIENT_RESET: RST, Ending.SERVER_RESET: FIN}
SERVER_ENDS = {Ending.FIN: FIN, Ending.CLIENT_RESET: FIN, Ending.SERVER_RESET: RST}

packets = st.one_of(st.integers(1, 4), st.integers(1, 2_000_000))
flow = st.fixed_dictionaries(
    {
        "protocol": st.sampled_from([TCP, UDP, ICMP]),
        "start": st.integers(BEGINS, BEGINS + 119),
        "lasts": st.one_of(st.just(0), st.integers(1, 70), st.integers(1, 290)),
        "packets": packets,
        "packets_back": packets,
        "per_packet": st.integers(28, 1500),
        "ending": st.sampled_from(list(Ending)),
        "kind": st.just(0),
        "tries": st.integers(1, 7),
    }
)


def flows(given_rows: list[dict[str, Any]]) -> Flows:
    """Return flows of rows, each with addresses and a port of its own."""
    rows = [
        {
            **row,
            **{"origin": ENI, "src": 10 + nth, "dst": 5, "srcport": 40_000 + nth, "dstport": 443},
            **{"end": row["start"] + row["lasts"], "bytes": row["packets"] * row["per_packet"] + nth},
            "bytes_back": row["packets_back"] * row["per_packet"] + 3,
        }
        for nth, row in enumerate(given_rows)
    ]
    return Flows(*(np.array([row[name] for row in rows], np.int64) for name in Flows.__dataclass_fields__))


def noted(made: Flows, course: Course = Course.FULL) -> list[Records]:
    """Return what one interface notes of them in seven minutes, both ways, let through as `course`."""
    templates = Templates()
    ends = (SOURCE, DESTINATION, SOURCE, DESTINATION)
    back = (DESTINATION, SOURCE, DESTINATION, SOURCE)
    rows = [(0, ENI, 1, 0, 0, 1, 0, *ends), (1, ENI, 0, 0, 0, 0, 0, *back)]
    templates.add(course, rows, frozenset())
    going = alive(made, np.zeros(len(made), np.int64), templates)
    return [merged(records(going, templates, FIRST + minute)) for minute in range(7)]


def of(found: list[Records], name: str, nth: int, is_egress: int) -> list[int]:
    """Return a column of one flow's records, one way, in the order of time."""
    port = 40_000 + nth
    picked = [
        one.take((one.is_egress == is_egress) & ((one.srcport == port) | (one.dstport == port)))
        for one in found
    ]
    return [int(value) for one in picked for value in getattr(one, name)]


ONE_PACKET = {"protocol": TCP, "start": BEGINS + 59, "lasts": 0, "packets": 1, "packets_back": 1}
REST = {"per_packet": 40, "ending": Ending.FIN, "kind": 0, "tries": 1}


@given(st.lists(flow, min_size=1, max_size=8))
@example([ONE_PACKET | REST])
@example([ONE_PACKET | REST | {"lasts": 290, "packets_back": 7}])
def test_packets_and_bytes_of_all_minutes_are_those_of_the_flow(rows: list[dict[str, Any]]) -> None:
    made = flows(rows)
    found = noted(made)
    for nth in range(len(rows)):
        assert sum(of(found, "packets", nth, 1)) == made.packets[nth]
        assert sum(of(found, "bytes", nth, 1)) == made.bytes[nth]
        assert sum(of(found, "packets", nth, 0)) == made.packets_back[nth]
        assert sum(of(found, "bytes", nth, 0)) == made.bytes_back[nth]
        assert min(of(found, "packets", nth, 1)) > 0


@given(st.lists(flow, min_size=1, max_size=8))
def test_records_lie_in_their_minute_and_within_the_flow(rows: list[dict[str, Any]]) -> None:
    made = flows(rows)
    for minute, one in enumerate(noted(made)):
        assert (one.start >= BEGINS + 60 * minute).all()
        assert (one.end < BEGINS + 60 * (minute + 1)).all()
        assert (one.start <= one.end).all()
        at = np.where(one.is_egress == 1, one.srcport, one.dstport) - 40_000
        assert (one.start >= made.start[at]).all()
        assert (one.end <= made.end[at]).all()


@given(st.lists(flow, min_size=1, max_size=8))
def test_syn_stands_where_it_opened_and_fin_or_reset_where_it_ended(rows: list[dict[str, Any]]) -> None:
    made = flows(rows)
    found = noted(made)
    for nth, row in enumerate(rows):
        for is_egress, opening, ends, name in (
            (1, SYN, CLIENT_ENDS, "packets"),
            (0, SYN_ACK, SERVER_ENDS, "packets_back"),
        ):
            flags = of(found, "flags", nth, is_egress)
            if row["protocol"] != TCP:
                assert set(flags) == {0}
                continue
            expected = [0] * len(flags)
            expected[0] |= opening
            # A packet that is alone opens, and cannot end as well.
            expected[-1] |= ends[row["ending"]] if row[name] > 1 else 0
            assert flags == expected


@given(st.lists(flow, min_size=1, max_size=5))
def test_what_is_tried_sends_as_many_packets_as_it_tries(rows: list[dict[str, Any]]) -> None:
    """Each is the opening packet again: 2 there, and 18 back where only the answer is refused."""
    found = noted(flows(rows), Course.TRIED)
    for nth, row in enumerate(rows):
        is_tcp = row["protocol"] == TCP
        assert sum(of(found, "packets", nth, 1)) == row["tries"]
        assert set(of(found, "flags", nth, 1)) == {SYN if is_tcp else 0}
        assert set(of(found, "flags", nth, 0)) == {SYN_ACK if is_tcp else 0}


@given(flow)
def test_what_is_refused_is_one_syn_and_one_reset(row: dict[str, Any]) -> None:
    found = noted(flows([row | {"protocol": TCP}]), Course.RESET)
    assert (of(found, "packets", 0, 1), of(found, "flags", 0, 1)) == ([1], [SYN])
    assert (of(found, "packets", 0, 0), of(found, "flags", 0, 0)) == ([1], [RST])


@pytest.mark.parametrize(
    "name",
    [
        *("eni", "is_egress", "is_reject", "src", "dst", "pkt_src", "pkt_dst"),
        *("srcport", "dstport", "protocol"),
    ],
)
def test_what_differs_in_its_interface_direction_action_or_ends_is_not_merged(name: str) -> None:
    """A record is one direction of one 5-tuple at one interface: VPC guide, "Flow log records"."""
    columns = {one: np.array([1, 1, 1]) for one in Records.__dataclass_fields__}
    columns[name] = np.array([1, 2, 1])
    once = merged(Records(**columns))
    assert sorted(once.packets.tolist()) == [1, 2]


@given(st.lists(flow, min_size=1, max_size=6))
def test_merging_adds_up_and_leaves_nothing_to_merge(rows: list[dict[str, Any]]) -> None:
    """As ten minutes become one interval: the same flow in several minutes is one record."""
    found = noted(flows(rows))
    together = Records.joined(found)
    once = merged(together.take(slice(None)))
    assert len(once) == 2 * len(rows)
    for name in ("packets", "bytes"):
        assert getattr(once, name).sum() == sum(getattr(one, name).sum() for one in found)
    for nth in range(len(rows)):
        for way in (0, 1):
            assert of([once], "start", nth, way) == [min(of(found, "start", nth, way))]
            assert of([once], "end", nth, way) == [max(of(found, "end", nth, way))]
            flags = np.bitwise_or.reduce(np.array(of(found, "flags", nth, way)))
            assert of([once], "flags", nth, way) == [flags]
    assert len(merged(once)) == len(once)
