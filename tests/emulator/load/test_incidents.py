"""Planted incidents: their labels are true in the text that is sent, and next to them all is quiet."""

from __future__ import annotations

import polars as pl
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.ledger.labels import PORT_SCAN, REJECT_RATIO, Label
from emulator.ledger.ledger import compare_alerts
from emulator.load.traffic import Load, batches, labels
from tests.streams.alerts.alerts_day import Pipeline

SIZES = [(5_000, 2000), (60_000, 2000), (90_000, 30), (20_000, 2)]


def windows_of(load: Load, eni: str) -> dict[int, tuple[int, float, int, int]]:
    """Return, by window: flows, share of rejects, distinct rejected ports, distinct rejected sources."""
    text = b"\n".join(batch.text for batch in batches(load)).decode()
    rows = [line.split(" ") for line in text.split("\n") if eni in line and line.endswith("OK")]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(DEFAULT_FORMAT, pl.String), orient="row")
    is_reject = pl.col("action") == "REJECT"
    start = pl.col("start").cast(pl.Int64)
    found = frame.group_by(window=start - start % 60).agg(
        flows=pl.len(),
        share=is_reject.mean(),
        ports=pl.col("dstport").filter(is_reject).n_unique(),
        sources=pl.col("srcaddr").filter(is_reject).n_unique(),
    )
    return {row[0]: row[1:] for row in found.iter_rows()}


def label_of(load: Load, rule: str) -> Label:
    return next(label for label in labels(load) if label.rule == rule)


@pytest.mark.parametrize(("records", "enis"), SIZES)
@pytest.mark.bulk
def test_the_scan_is_where_its_label_says(records: int, enis: int) -> None:
    load = Load(records, 11, enis=enis)
    label = label_of(load, PORT_SCAN)
    windows = windows_of(load, label.eni)
    assert label.window_end - label.window_start == 60
    assert windows.pop(label.window_start)[2] >= 300
    assert all(ports < 20 for _, _, ports, _ in windows.values())


@pytest.mark.parametrize(("records", "enis"), SIZES)
@pytest.mark.bulk
def test_the_rejects_are_where_their_label_says(records: int, enis: int) -> None:
    load = Load(records, 11, enis=enis)
    label = label_of(load, REJECT_RATIO)
    windows = windows_of(load, label.eni)
    labelled = [windows.pop(at) for at in range(label.window_start, label.window_end, 60)]
    assert len(labelled) == 4
    for flows, share, ports, sources in labelled:
        assert flows >= 100
        assert 0.6 < share < 0.8
        assert ports < 20
        assert sources > 30
    assert all(share < 0.1 for flows, share, _, _ in windows.values() if flows >= 50)


@pytest.mark.parametrize(("records", "enis"), SIZES)
@pytest.mark.bulk
def test_detectors_find_both_and_nothing_else(records: int, enis: int) -> None:
    load, pipeline = Load(records, 11, enis=enis), Pipeline()
    alerts = []
    for batch in batches(load, 500):
        pipeline.add(batch.text)
        alerts += pipeline.flush(set())
    report = compare_alerts(labels(load), alerts)
    assert {label.rule for label in report.found} == {PORT_SCAN, REJECT_RATIO}
    assert report.exact


def test_scan_packets_look_like_syns() -> None:
    load = Load(30_000, 4)
    text = b"\n".join(batch.text for batch in batches(load)).decode()
    scan = [line.split(" ") for line in text.split("\n") if " 198.51.100.77 " in line]
    assert len(scan) == 300
    assert len({line[6] for line in scan}) == 300
    assert {(line[7], line[8], line[12]) for line in scan} == {("6", "1", "REJECT")}
    assert {line[9] for line in scan} == {"40", "44"}


def test_incidents_lie_inside_the_load_and_apart() -> None:
    load = Load(30_000, 4)
    scan, rejects = label_of(load, PORT_SCAN), label_of(load, REJECT_RATIO)
    assert scan.eni != rejects.eni
    assert load.start + 120 < scan.window_start < scan.window_end < rejects.window_start
    assert rejects.window_end < load.end - 120


@pytest.mark.parametrize(
    "load",
    [
        Load(4_000, 1),
        Load(9_000, 1, enis=1),
        Load(9_000, 1, span_s=120),
        Load(9_000, 1, with_incidents=False),
    ],
)
def test_nothing_is_planted_where_it_would_not_fit(load: Load) -> None:
    assert labels(load) == ()
    assert b" 198.51.100.77 " not in b"".join(batch.text for batch in batches(load))
