"""The ledger: it agrees with an independent count of the text, and a comparison names every fault."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.ledger.from_file import FileLedger
from emulator.ledger.labels import Label
from emulator.ledger.ledger import Key, Ledger, compare, compare_alerts, from_json
from emulator.load.line_batch import LineBatch
from streams.records import Aggregate, Alert
from tests.synthetic import Load, batches


def ledger_of(parts: list[LineBatch]) -> Ledger:
    ledger = Ledger()
    for part in parts:
        ledger.add_columns(part.frame)
    return ledger


def aggregate(key: Key, values: list[int]) -> Aggregate:
    eni, action, window = key
    flows, packets, size, first, last = values
    return Aggregate(eni, action, window, 60, flows, packets, size, first, last, {}, 0, 0, 1, True, 0)


def published(ledger: Ledger) -> dict[Key, Aggregate]:
    return {key: aggregate(key, values) for key, values in ledger.totals().items()}


def alert(rule: str, eni: str, window: int, status: str = "firing") -> Alert:
    return Alert("f", rule, "high", status, {"eni": eni}, "", 1, 1, window, window + 60, window, 0, "")


@pytest.mark.parametrize("records", [800, 72_000])
@pytest.mark.bulk
def test_columns_agree_with_an_independent_count_of_the_text(records: int) -> None:
    load = Load(records, 9, enis=150)
    parts = list(batches(load, 10_000))
    counted = FileLedger()
    counted.add(chain.from_iterable(p.text.split(b"\n") for p in parts), DEFAULT_FORMAT)
    ledger = ledger_of(parts)
    assert counted.refused == 0
    assert ledger.totals() == counted.ledger().totals()
    assert ledger.lines == counted.ledger().lines == records


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 3_000), max_size=6), seed=st.integers(0, 3))
@pytest.mark.bulk
def test_splitting_a_batch_changes_nothing(cuts: list[int], seed: int) -> None:
    frame = next(batches(Load(3_000, seed, enis=20))).frame
    edges = [0, *sorted(cuts), 3_000]
    split = ledger_of([LineBatch(a, frame[a:b]) for a, b in pairwise(edges)])
    assert split.totals() == ledger_of([LineBatch(0, frame)]).totals()
    assert split.lines == 3_000


def test_stays_right_when_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond some rows the parts are summed together; twice, to see the sums summed."""
    monkeypatch.setattr("emulator.ledger.ledger._COMPACT_ROWS", 4_000)
    one = np.ones(1_500, np.int64)
    frame = pl.DataFrame({"packets": one, "bytes": one, "start": np.arange(1_500) * 60, "end": one})
    frame = frame.with_columns(eni=pl.lit("e"), action=pl.lit("ACCEPT"))
    ledger = ledger_of([LineBatch(0, frame)] * 8)
    totals = ledger.totals()
    assert ledger.lines == 12_000
    assert len(totals) == 1_500
    assert totals["e", "ACCEPT", 60] == [8, 8, 8, 60, 1]


def test_json_round_trip() -> None:
    load = Load(6_000, 2)
    ledger = Ledger(labels=(Label("port_scan", "eni-1", 60, 120, "scan", ("eni-2",)),))
    for part in batches(load):
        ledger.add_columns(part.frame)
    again = from_json(ledger.to_json())
    assert again.labels == ledger.labels
    assert again.totals() == ledger.totals()
    assert again.to_json() == ledger.to_json()


def test_json_of_an_empty_ledger() -> None:
    assert from_json(Ledger().to_json()).totals() == {}


def test_json_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="2 lines whose totals hold 1"):
        from_json(b'{"lines":2,"labels":[],"totals":[["e","ACCEPT",60,1,1,40,60,61]]}')


def test_equal_is_exact() -> None:
    ledger = ledger_of(list(batches(Load(2_000, 1))))
    report = compare(ledger, published(ledger))
    assert report.exact
    assert (report.lines, report.windows) == (2_000, len(ledger.totals()))
    assert not report.samples


def test_names_what_was_lost_doubled_missing_and_unexpected() -> None:
    ledger = Ledger()
    ledger.add_totals({("e", "ACCEPT", w): [10, 20, 30, w, w + 9] for w in (0, 60, 120, 180, 240)})
    seen = published(ledger)
    seen["e", "ACCEPT", 0] = aggregate(("e", "ACCEPT", 0), [7, 20, 30, 0, 9])
    seen["e", "ACCEPT", 60] = aggregate(("e", "ACCEPT", 60), [15, 20, 30, 60, 69])
    del seen["e", "ACCEPT", 120]
    seen["e", "ACCEPT", 180] = aggregate(("e", "ACCEPT", 180), [10, 20, 31, 180, 189])
    seen["e", "REJECT", 0] = aggregate(("e", "REJECT", 0), [2, 2, 80, 0, 1])
    report = compare(ledger, seen)
    assert not report.exact
    assert (report.lost, report.twice) == (3 + 10, 5 + 2)
    assert (report.differing, report.missing) == (5, 1)
    assert [one.key for one in report.samples if one.expected is None] == [("e", "REJECT", 0)]
    assert [s.key for s in report.samples] == sorted(s.key for s in report.samples)
    by_key = {s.key: s for s in report.samples}
    assert by_key["e", "ACCEPT", 120].published is None
    assert by_key["e", "REJECT", 0].expected is None
    assert by_key["e", "ACCEPT", 180].published == (10, 20, 31, 180, 189)


def test_first_and_last_count_too() -> None:
    ledger = Ledger()
    ledger.add_totals({("e", "ACCEPT", 0): [1, 1, 1, 5, 9]})
    late = compare(ledger, {("e", "ACCEPT", 0): aggregate(("e", "ACCEPT", 0), [1, 1, 1, 5, 8])})
    assert (late.differing, late.lost, late.twice, late.exact) == (1, 0, 0, False)


def test_shows_at_most_ten_samples() -> None:
    ledger = Ledger()
    ledger.add_totals({("e", "ACCEPT", w): [1, 1, 1, w, w] for w in range(0, 6000, 60)})
    report = compare(ledger, {})
    assert (report.lost, report.missing, len(report.samples)) == (100, 100, 10)


def test_alerts_found_missed_related_and_false() -> None:
    scan, rejects = Label("port_scan", "a", 600, 660), Label("reject_ratio", "b", 900, 1140)
    alerts = [
        alert("port_scan", "a", 600),
        alert("port_scan", "a", 660),  # the same incident, seen again
        alert("reject_ratio", "a", 600),  # true as well, and not what was planted
        alert("reject_ratio", "c", 900),
        alert("reject_ratio", "b", 900, status="pending"),
        alert("reject_ratio", "c", 900, status="resolved"),
    ]
    report = compare_alerts((scan, rejects), alerts)
    assert report.found == (scan,)
    assert report.missed == (rejects,)
    assert report.related == (alerts[2],)
    assert report.false == (alerts[3],)
    assert not report.exact


def test_an_incident_in_windows_that_are_not_final_may_be_found_and_is_not_missed() -> None:
    scan, rejects = Label("port_scan", "a", 600, 660), Label("reject_ratio", "b", 900, 1140)
    report = compare_alerts((scan, rejects), [alert("port_scan", "a", 600)], final_to=1139)
    assert (report.found, report.missed, report.unsettled) == ((scan,), (), (rejects,))
    assert report.exact
    report = compare_alerts((scan, rejects), [], final_to=1140)
    assert (report.missed, report.unsettled) == ((scan, rejects), ())


@pytest.mark.parametrize(("window", "is_found"), [(240, False), (300, True), (899, True), (960, False)])
def test_an_alert_may_be_five_minutes_off(window: int, is_found: bool) -> None:
    report = compare_alerts([Label("port_scan", "a", 600, 660)], [alert("port_scan", "a", window)])
    assert report.exact == is_found
    assert bool(report.false) != is_found
