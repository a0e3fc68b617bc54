"""Conversations of windows: exact up to their bounds, in any order, over any flushes and restarts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.conversations.conversations import PROVISIONAL_S, Conversations
from streams.windows.names import Names
from tests.streams.conversations.exact import ENI, OTHER, OWN, Flow, check, frame, rows_of

TOP = 2
some_flows = st.lists(
    st.builds(
        Flow,
        peer=st.integers(1, 250),
        port=st.sampled_from([22, 443, -1]),
        eni=st.sampled_from([ENI, ENI, OTHER]),
        action=st.sampled_from([0, 0, 1, 4]),
        is_ingress=st.booleans(),
        window=st.sampled_from([0, 60]),
        flows=st.integers(1, 9),
        packets=st.integers(1, 1000),
        bytes=st.integers(1, 1 << 44),
        first=st.integers(0, 59),
    ),
    max_size=80,
)


def final(conversations: Conversations, names: Names) -> list[dict[str, Any]]:
    return rows_of(conversations.publish(names, {0, 60}, 120, 7, 0.0))


@given(some_flows, st.lists(st.integers(0, 80), max_size=5), st.sets(st.integers(0, 4)))
def test_rows_are_within_their_bounds_and_the_largest_are_listed(
    flows: list[Flow], cuts: list[int], restarts: set[int]
) -> None:
    conversations, names = Conversations(60, TOP), Names()
    places = [0, *sorted(cuts), len(flows)]
    for at, (start, end) in enumerate(pairwise(places)):
        if start < end:
            conversations.add([frame(flows[start:end])], names, -1)
        if at in restarts:
            conversations, names = restarted(conversations, names)
    check(final(conversations, names), flows, TOP)


def restarted(conversations: Conversations, names: Names) -> tuple[Conversations, Names]:
    """Return the conversations read again from their state."""
    other, others = Conversations(60, TOP), Names()
    for window in (0, 60):
        if value := conversations.encoded(window, names, is_final=False):
            other.load(window, value, others, is_final=False, is_changed=True)
    return other, others


@given(some_flows, st.data())
def test_without_evictions_the_order_of_partials_does_not_matter(
    flows: list[Flow], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(flows))
    found = []
    for order in (flows, shuffled):
        conversations, names = Conversations(60, 100), Names()
        for start in range(0, len(order), 7):
            conversations.add([frame(order[start : start + 7])], names, -1)
        found.append(sorted(map(repr, final(conversations, names))))
    assert found[0] == found[1]


def test_a_dropped_conversation_that_comes_back_has_a_bound() -> None:
    conversations, names = Conversations(60, 1), Names()
    flows = [Flow(peer, flows=99 - peer, packets=500 - peer, bytes=1000 - peer) for peer in range(1, 20)]
    conversations.add([frame(flows)], names, -1)
    conversations.add([frame([Flow(19, bytes=5000)])], names, -1)
    rows = final(conversations, names)
    (largest,) = [row for row in rows if row["source"] == "192.0.2.19"]
    assert largest["bytes"] == 5000
    assert largest["bound_bytes"] >= 981  # what it lost
    check(rows, [*flows, Flow(19, bytes=5000)], 1)


def test_the_common_address_gives_the_direction() -> None:
    conversations, names = Conversations(60, 9), Names()
    flows = [Flow(1), Flow(2, is_ingress=False), Flow(3, eni=OTHER)]
    conversations.add([frame(flows)], names, -1)
    found = {row["source"]: (row["direction"], row["direction_rule"]) for row in final(conversations, names)}
    assert found == {
        "192.0.2.1": ("ingress", "common-address"),
        OWN: ("egress", "common-address"),
        "192.0.2.3": ("-", "-"),  # one conversation: both of its addresses are common to all lines
    }


def test_the_field_of_the_flow_log_has_precedence() -> None:
    conversations, names = Conversations(60, 9), Names()
    conversations.add([frame([Flow(1, direction=2), Flow(2, direction=1)])], names, -1)
    found = {row["source"]: (row["direction"], row["direction_rule"]) for row in final(conversations, names)}
    assert found == {"192.0.2.1": ("egress", "flow-direction"), "192.0.2.2": ("ingress", "flow-direction")}


def test_open_windows_are_published_every_ten_seconds_and_final_ones_at_once() -> None:
    conversations, names = Conversations(60, 9), Names()

    def published(now: float, watermark: int = 0) -> list[tuple[object, ...]]:
        closing = {0} if watermark == 60 else set()
        rows = rows_of(conversations.publish(names, closing, watermark, 1, now))
        return [(row["eni"], row["flows"], row["final"]) for row in rows]

    conversations.add([frame([Flow(1), Flow(1, eni=OTHER)])], names, -1)
    assert published(100.0) == [(ENI, 1, False), (OTHER, 1, False)]
    conversations.add([frame([Flow(1)])], names, -1)
    assert not conversations.is_due(101.0)
    assert published(101.0) == []
    assert conversations.is_due(100.0 + PROVISIONAL_S)
    assert published(100.0 + PROVISIONAL_S) == [(ENI, 2, False)]
    conversations.add([frame([Flow(1)])], names, -1)
    assert published(112.0, watermark=60) == [(ENI, 3, True), (OTHER, 1, True)]
    conversations.encoded(0, names, is_final=True)
    conversations.add([frame([Flow(1, eni=OTHER)])], names, -1)
    assert published(113.0, watermark=61) == [(OTHER, 2, True)]


def test_late_rows_are_left_out() -> None:
    conversations, names = Conversations(60, 9), Names()
    conversations.add([frame([Flow(1), Flow(2, window=60)])], names, 0)
    assert {row["window_start"] for row in final(conversations, names)} == {60}


def test_renumbered_entities_keep_their_rows() -> None:
    conversations, names = Conversations(60, 9), Names()
    conversations.add([frame([Flow(1, eni="gone", window=60)])], names, -1)
    conversations.add([frame([Flow(1), Flow(2, eni=OTHER)])], names, -1)
    conversations.drop(60)
    names = names.only([1, 2])
    conversations.renumber(np.array([-1, 0, 1]))
    conversations.add([frame([Flow(1), Flow(3, eni="new")])], names, -1)
    found = {(row["eni"], row["source"]): row["flows"] for row in final(conversations, names)}
    assert found == {(ENI, "192.0.2.1"): 2, (OTHER, "192.0.2.2"): 1, ("new", "192.0.2.3"): 1}


@pytest.mark.parametrize("count", [3, 30])
def test_distinct_peers_and_ports_are_counted_with_those_that_were_dropped(count: int) -> None:
    conversations, names = Conversations(60, 1), Names()
    flows = [Flow(peer, port=1000 + peer % 7, direction=1) for peer in range(1, count + 1)]
    for flow in flows:
        conversations.add([frame([flow])], names, -1)
    conversations.add([frame([replace(flows[0], action=1)])], names, -1)
    sketches = conversations.publish(names, {0}, 60, 1, 0.0).sketches
    assert {cell: one.estimates() for cell, one in sketches.items()} == {
        (0, 0, 0): (count, min(count, 7)),
        (0, 0, 1): (1, 1),
    }
