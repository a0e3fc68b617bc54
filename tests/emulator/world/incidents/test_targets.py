"""Who is hit by an incident: somebody for every kind if there is, nobody twice, and the label says it."""

from __future__ import annotations

import pytest

from connectors.vpc.estate import Estate, Resources
from emulator.ledger.labels import PORT_SCAN, REJECT_RATIO
from emulator.world.incidents.targets import KINDS, cast
from emulator.world.traffic.edges import edges
from tests.connectors.vpc.estates import GROUPS, estate
from tests.emulator.world.worlds import AT, crowded, incidents, talk


def test_every_kind_is_cast_in_an_estate_that_has_somebody_for_each() -> None:
    assert tuple(incidents()) == KINDS
    assert len(KINDS) == 14


@pytest.mark.parametrize("seed", range(4))
def test_nothing_happens_twice_to_one_interface(seed: int) -> None:
    found = cast(crowded(), talk(), seed, AT)
    hit = [one.eni for one in found]
    assert len(hit) > 10
    assert len(set(hit)) == len(hit)


def test_another_seed_hits_others() -> None:
    assert len({cast(crowded(), talk(), seed, AT, ("flood",))[0].eni for seed in range(12)}) > 2


def test_kinds_for_which_there_is_nobody_are_left_out() -> None:
    assert cast(Estate(Resources()), [], 1, AT) == []
    found = {one.kind for one in cast(estate(), edges(estate()), 1, AT)}
    assert {"port_scan", "removed_rule", "broken_return"} <= found
    assert not {"dead_database", "black_holed_route", "silence"} & found


def test_only_the_kinds_asked_for_are_cast_with_a_gap_between_them() -> None:
    found = cast(crowded(), talk(), 1, AT, ("flood", "silence"), 7)
    assert [(one.kind, one.minute) for one in found] == [("flood", AT), ("silence", AT + 7)]


def test_labels_say_who_when_and_what() -> None:
    for one in incidents().values():
        label = one.label
        assert (label.kind, label.eni) == (one.kind, one.eni)
        assert (label.window_start, label.window_end) == (AT * 60, (AT + one.minutes) * 60)
        assert one.eni not in label.others
    rules = {kind: one.label.rule for kind, one in incidents().items() if one.label.rule}
    assert rules == {"port_scan": PORT_SCAN, "removed_rule": REJECT_RATIO}


def test_a_rule_that_is_not_the_only_one_to_let_its_clients_in_is_not_taken_away() -> None:
    """It would change nothing: everybody inside may come in by the other."""
    also = ((*GROUPS["sg-app"][0], "tcp 8000-9000 10.0.0.0/16"), GROUPS["sg-app"][1])
    open_twice = estate({"sg-app": also, "sg-db": (("all 10.0.0.0/8",), ()), "sg-peer": ((), ())})
    assert cast(open_twice, edges(open_twice), 1, AT, ("removed_rule",)) == []


@pytest.mark.parametrize("kind", ["flood", "brute_force"])
def test_strangers_hit_whom_they_can_reach(kind: str) -> None:
    inside = estate({"sg-web": (("tcp 443 10.0.0.0/8", "tcp 22 10.0.0.0/8"), ())})
    found = {cast(inside, edges(inside), seed, AT, (kind,))[0].eni for seed in range(8)}
    assert found == {"eni-bastion"}
