"""Windows and their watermark: a specification by name."""

from __future__ import annotations

import pytest

from streams.records import Aggregate
from streams.sums.partials import Row
from streams.windows.flushed import Flushed
from streams.windows.merge import CHECKPOINT_FLUSHES, SPARE_NAMES, Rules, Windows
from streams.windows.state import FLUSHES, PART_BYTES, POSITION_KEY, every_flush, parts, pieces
from streams.windows.window_table import PART_ROWS
from tests.build import ENI, maps_of, row
from tests.streams.windows.window_feed import (
    OTHER,
    RULES,
    aggregates_of,
    as_finals,
    by_key,
    feed,
    finals_of,
    keep,
    kept_aggregates,
)

ACCEPT, REJECT, NODATA = 0, 1, 2


def fed(*rows: Row, newest: int = 0, rules: Rules = RULES) -> Windows:
    windows = Windows(rules)
    feed(windows, 0, newest, *rows)
    return windows


def only(flushed: Flushed) -> Aggregate:
    (aggregate,) = aggregates_of(flushed)
    return aggregate


# The watermark.


def test_the_watermark_is_the_minimum_of_the_producers_minus_lateness() -> None:
    windows = Windows(RULES)
    feed(windows, 0, 5000)
    feed(windows, 1, 4000)
    assert windows.next_watermark() == 3400


def test_a_producer_that_falls_behind_never_takes_the_watermark_back() -> None:
    windows = Windows(RULES)
    feed(windows, 0, 9000)
    windows.flush()
    assert windows.watermark == 8400
    feed(windows, 1, 4100)
    windows.flush()
    assert windows.watermark == 8400


def test_a_slot_that_has_never_reported_stops_the_watermark() -> None:
    windows = Windows(Rules(slots=2))
    feed(windows, 0, 5000)
    assert windows.next_watermark() == 0
    feed(windows, 1, -1)
    assert windows.next_watermark() == 0
    feed(windows, 1, 4000)
    assert windows.next_watermark() == 3400


def test_nothing_read_leaves_the_watermark() -> None:
    assert Windows(RULES).next_watermark() == 0


# Totals, revisions and finals.


def test_a_window_adds_up_what_its_partials_say() -> None:
    flushed = fed(row(60, first=70), row(60, first=65, flows=3), row(60, protocol=17, first=100)).flush()
    assert only(flushed) == Aggregate(
        eni=ENI,
        action="ACCEPT",
        window_start=60,
        window_s=60,
        flows=5,
        packets=10,
        bytes=500,
        first=65,
        last=110,
        protocols={"6": [4, 8, 400], "17": [1, 2, 100]},
        distinct_ports=0,
        distinct_sources=0,
        revision=1,
        final=False,
        oldest_arrival_ms=0,
    )


def test_entities_actions_and_windows_are_kept_apart() -> None:
    flushed = fed(row(60), row(60, OTHER), row(60, action=REJECT), row(120)).flush()
    assert set(by_key(aggregates_of(flushed))) == {
        (ENI, "ACCEPT", 60),
        (OTHER, "ACCEPT", 60),
        (ENI, "REJECT", 60),
        (ENI, "ACCEPT", 120),
    }
    assert [key for key, _ in flushed.published] == [a.key for a in aggregates_of(flushed)]


def test_a_status_line_counts_lines_and_has_no_protocol() -> None:
    flushed = fed(row(60, action=NODATA, protocol=256)).flush()
    assert (only(flushed).action, only(flushed).protocols) == ("NODATA", {"-": [1, 2, 100]})


def test_rejected_rows_estimate_distinct_ports() -> None:
    flushed = fed(*(row(0, action=REJECT, first=n) for n in range(20))).flush()
    assert only(flushed).distinct_ports == pytest.approx(20, rel=0.1)


def test_an_entity_of_any_text_is_json() -> None:
    odd = 'x"\\|\x00\x7f'
    assert only(fed(row(60, odd)).flush()).eni == odd


def test_only_what_changed_is_published_with_absolute_totals() -> None:
    windows = fed(row(60), row(60, OTHER))
    windows.flush()
    feed(windows, 0, 0, row(60, flows=2))
    again = only(windows.flush())
    assert (again.eni, again.flows, again.revision, again.final) == (ENI, 3, 2, False)


def test_a_flush_without_change_publishes_nothing() -> None:
    windows = fed(row(60))
    windows.flush()
    flushed = windows.flush()
    assert (aggregates_of(flushed), finals_of(flushed), flushed.late) == ([], [], [])
    assert set(flushed.state) == {POSITION_KEY}


def test_a_window_is_final_once_when_the_watermark_passes_its_end() -> None:
    windows = fed(row(60))
    windows.flush()
    feed(windows, 0, 719)  # the watermark is at 119: a second short of the end
    assert aggregates_of(windows.flush()) == []
    feed(windows, 0, 720)
    flushed = windows.flush()
    assert (only(flushed).final, only(flushed).revision, only(flushed).flows) == (True, 2, 1)
    assert finals_of(flushed) == as_finals(aggregates_of(flushed))
    feed(windows, 0, 800)
    assert aggregates_of(windows.flush()) == []


def test_a_window_may_be_final_at_its_first_flush() -> None:
    flushed = fed(row(60), newest=1000).flush()
    assert (only(flushed).final, only(flushed).revision) == (True, 1)


def test_a_later_row_amends_a_final_window() -> None:
    windows = fed(row(60), newest=1000)
    windows.flush()
    feed(windows, 0, 1000, row(60, flows=4))
    amended = only(windows.flush())
    assert (amended.flows, amended.revision, amended.final) == (5, 2, True)


def test_an_amended_action_brings_the_entity_s_whole_final_window() -> None:
    windows = fed(row(60), row(60, action=REJECT), row(60, OTHER), newest=1000)
    windows.flush()
    feed(windows, 0, 1000, row(60, action=REJECT))
    flushed = windows.flush()
    assert set(by_key(aggregates_of(flushed))) == {(ENI, "REJECT", 60)}
    assert set(by_key(finals_of(flushed))) == {(ENI, "ACCEPT", 60), (ENI, "REJECT", 60)}


def scan(window: int, ports: int, sources: int = 1, entity: str = ENI) -> Row:
    """Return a rejected row in which some sources try some ports."""
    return (*row(window, entity, action=REJECT, flows=ports)[:-1], maps_of(range(ports), range(sources)))


def test_an_open_window_with_a_scan_goes_to_the_detectors_at_once() -> None:
    """Whole, with the accepted rows of the same interface, and nothing of the others; then as final again."""
    windows = fed(scan(60, 80), row(60), row(60, OTHER), row(60, OTHER, action=REJECT))
    early = finals_of(windows.flush())
    assert {(f.eni, f.action, f.final) for f in early} == {(ENI, "ACCEPT", False), (ENI, "REJECT", False)}
    assert {f.action: f.distinct_ports for f in early}["REJECT"] == pytest.approx(80, rel=0.1)
    feed(windows, 0, 0, row(60, OTHER, action=REJECT))
    assert finals_of(windows.flush()) == []  # the scanned interface did not change
    feed(windows, 0, 0, scan(60, 160))
    assert {f.final for f in finals_of(windows.flush())} == {False}
    feed(windows, 0, 1000)
    final = finals_of(windows.flush())
    assert {(f.eni, f.final) for f in final} == {(ENI, True), (OTHER, True)}


@pytest.mark.parametrize(("ports", "sources"), [(40, 1), (80, 30)])
def test_an_open_window_that_proves_no_scan_waits(ports: int, sources: int) -> None:
    assert finals_of(fed(scan(60, ports, sources)).flush()) == []


def test_accepted_traffic_of_an_open_window_is_not_sent_again_because_of_an_old_scan() -> None:
    """Only rejected rows that changed can prove more than before."""
    windows = fed(scan(60, 80))
    windows.flush()
    feed(windows, 0, 0, row(60))
    assert finals_of(windows.flush()) == []


def test_the_oldest_arrival_is_of_the_rows_that_a_revision_added() -> None:
    windows = Windows(RULES)
    feed(windows, 0, 0, row(60), arrival_ms=900)
    feed(windows, 1, 0, row(60), arrival_ms=700)
    feed(windows, 1, 0, row(60), arrival_ms=0)
    assert only(windows.flush()).oldest_arrival_ms == 700
    feed(windows, 0, 0, row(60), arrival_ms=1500)
    assert only(windows.flush()).oldest_arrival_ms == 1500
    feed(windows, 0, 1000), feed(windows, 1, 1000)
    assert only(windows.flush()).oldest_arrival_ms == 0


def test_a_flush_is_due_after_a_change_or_when_a_window_closes() -> None:
    windows = Windows(RULES)
    assert not windows.is_due()
    feed(windows, 0, 100, row(60))
    assert windows.is_due()
    windows.flush()
    assert not windows.is_due()
    feed(windows, 0, 719)
    assert not windows.is_due()  # the watermark moves, and passes no window
    feed(windows, 0, 720)
    assert windows.is_due()
    assert only(windows.flush()).final
    assert not windows.is_due()


# Late rows and retention.


def test_a_row_behind_the_retention_is_handed_out_and_not_merged() -> None:
    windows = fed(newest=10_020)
    windows.flush()  # the watermark is 9420, so windows that ended by 7620 are gone
    late, kept = row(7560), row(7620)
    feed(windows, 0, 10_020, late, kept)
    flushed = windows.flush()
    assert flushed.late == [late]
    assert only(flushed).window_start == 7620
    assert windows.flush().late == []


def test_late_rows_make_a_flush_due() -> None:
    windows = fed(newest=10_000)
    windows.flush()
    feed(windows, 0, 10_000, row(0))
    assert windows.is_due()


def test_a_window_behind_the_retention_is_forgotten() -> None:
    """With its checkpoint, which it got when it became final, and with the flushes that only it needed."""
    windows = fed(row(60))
    state: dict[bytes, bytes] = {}
    keep(state, windows.flush())
    feed(windows, 0, 0, row(600))
    keep(state, windows.flush())
    assert set(state) == {POSITION_KEY, b"d1|0", b"d2|0"}
    feed(windows, 0, 720)
    keep(state, windows.flush())
    assert set(state) == {POSITION_KEY, b"w60|0", b"d2|0"}
    feed(windows, 0, 120 + 600 + 1800)
    keep(state, windows.flush())
    assert set(state) == {POSITION_KEY, b"w600|0"}


def test_a_window_that_opens_closes_and_is_past_in_one_flush_is_still_published() -> None:
    flushed = fed(row(60), newest=100_000).flush()
    assert only(flushed).final
    assert finals_of(flushed) == as_finals(aggregates_of(flushed))
    assert set(flushed.state) == {POSITION_KEY}


# State.


@pytest.mark.bulk
def test_a_large_window_is_kept_in_parts_and_read_back_whole() -> None:
    many = [row(60, f"i-{n}", first=60 + n) for n in range(2 * PART_ROWS + 1)]
    windows, state = fed(*many), dict[bytes, bytes]()
    keep(state, windows.flush())
    assert by_key(kept_aggregates(Windows.load(RULES, state))) == by_key(kept_aggregates(windows))
    feed(windows, 0, 1000)
    keep(state, windows.flush())
    assert sorted(key for key in state if key != POSITION_KEY) == [b"w60|0", b"w60|1", b"w60|2"]
    assert by_key(kept_aggregates(Windows.load(RULES, state))) == by_key(kept_aggregates(windows))
    assert len(by_key(kept_aggregates(windows))) == len(many)


def test_every_value_of_the_state_is_below_a_mebibyte() -> None:
    values = pieces(bytes(5 * PART_BYTES // 2))
    assert [len(value) for value in values] == [PART_BYTES, PART_BYTES, PART_BYTES // 2]
    assert PART_BYTES < 1 << 20
    state = parts(FLUSHES, 7, values) | parts(FLUSHES, 10, [b"x"])
    assert list(every_flush(state)) == [(7, bytes(5 * PART_BYTES // 2)), (10, b"x")]


def test_a_flush_writes_the_new_rows_only() -> None:
    """However large the window is."""
    windows = fed(*(row(60, f"i-{n * n}", flows=n * n + 1, first=60 + n) for n in range(5000)))
    whole = sum(map(len, filter(None, windows.flush().state.values())))
    feed(windows, 0, 0, row(60, "i-9"))
    assert sum(map(len, filter(None, windows.flush().state.values()))) < whole / 20


def test_many_flushes_become_a_checkpoint() -> None:
    windows, state = Windows(RULES), dict[bytes, bytes]()
    for n in range(CHECKPOINT_FLUSHES + 2):
        feed(windows, 0, 0, row(60), row(120, flows=n + 1))
        keep(state, windows.flush())
        assert len(state) <= CHECKPOINT_FLUSHES + 3
    assert set(state) == {POSITION_KEY, b"w60|0", b"w120|0", b"d%d|0" % (CHECKPOINT_FLUSHES + 2)}
    again = Windows.load(RULES, state)
    assert by_key(kept_aggregates(again)) == by_key(kept_aggregates(windows))


def test_entities_that_are_gone_are_forgotten_and_the_others_keep_their_totals() -> None:
    gone = [row(60, f"i-{n}") for n in range(3 * SPARE_NAMES)]
    windows = fed(*gone, row(6000, OTHER), row(6000, "i-7", flows=3))
    windows.flush()
    feed(windows, 0, 6000 + RULES.lateness_s)  # the first window is past, the second still open
    windows.flush()
    assert len(windows._names.texts) == 2
    feed(windows, 0, 0, row(6000, OTHER, flows=2), row(6000, "new"))
    told = by_key(aggregates_of(windows.flush()))
    assert {(eni, a.flows) for (eni, _, _), a in told.items()} == {(OTHER, 3), ("new", 1)}
    assert by_key(kept_aggregates(windows))["i-7", "ACCEPT", 6000].flows == 3
