"""Ordinary traffic: the same load is the same bytes, in the documented shape, and looks like no attack."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.load.traffic import CHUNK_LINES, Load, batches, eni_ids, labels


def parsed(load: Load) -> pl.DataFrame:
    """Return the load's lines as text fields: read back from what is sent, not from the columns."""
    text = b"\n".join(batch.text for batch in batches(load))
    schema = dict.fromkeys(DEFAULT_FORMAT, pl.String)
    frame = pl.read_csv(text, separator=" ", has_header=False, quote_char=None, schema=schema)
    numbers = pl.col("srcport", "dstport", "protocol", "packets", "bytes", "start", "end")
    return frame.with_columns(numbers.cast(pl.Int64, strict=False))


def digest(load: Load, batch_lines: int) -> str:
    found = hashlib.sha256()
    for batch in batches(load, batch_lines):
        found.update(batch.text + b"\n")
    return found.hexdigest()


@settings(max_examples=5)
@given(batch_lines=st.integers(3_000, 2 * CHUNK_LINES), seed=st.integers(0, 1))
@pytest.mark.bulk
def test_same_seed_same_bytes_whatever_the_batch_size(batch_lines: int, seed: int) -> None:
    load = Load(CHUNK_LINES + 5_000, seed, enis=100)
    assert digest(load, batch_lines) == digest(load, CHUNK_LINES)


def test_seeds_differ() -> None:
    assert digest(Load(1000, 1), CHUNK_LINES) != digest(Load(1000, 2), CHUNK_LINES)


@pytest.mark.parametrize("records", [0, 1, 4_999, 5_000, CHUNK_LINES, CHUNK_LINES + 6_000])
def test_makes_exactly_the_lines_asked_for(records: int) -> None:
    places = [(batch.first, batch.lines) for batch in batches(Load(records, 3), 7_000)]
    assert sum(lines for _, lines in places) == records
    assert [first for first, _ in places] == [sum(n for _, n in places[:i]) for i in range(len(places))]
    assert all(0 < lines <= 7_000 for _, lines in places)


@pytest.mark.bulk
def test_lines_have_the_shape_of_the_default_format() -> None:
    load = Load(50_000, 5)
    frame = parsed(load)
    ok = frame.filter(pl.col("log-status") == "OK")
    log = frame.filter(pl.col("log-status") != "OK")
    assert set(log["log-status"]) == {"NODATA", "SKIPDATA"}
    assert 0.001 < log.height / frame.height < 0.004
    assert log.select(pl.col("srcaddr", "dstaddr", "action").unique()).rows() == [("-", "-", "-")]
    assert frame["interface-id"].str.contains(r"^eni-[0-9a-f]{17}$").all()
    assert 110 < sum(len(batch.text) + 1 for batch in batches(load)) / load.records < 120
    assert ok["protocol"].value_counts(sort=True)["protocol"][0] == 6
    assert set(ok["protocol"]) == {1, 6, 17}
    assert ok.filter(protocol=1).select("srcport", "dstport").unique().rows() == [(0, 0)]
    assert 0 < ok["srcaddr"].str.contains(":").mean() < 0.1  # type: ignore[operator]
    assert (ok["srcaddr"].str.contains(":") == ok["dstaddr"].str.contains(":")).all()
    assert ok.select((pl.col("end") - pl.col("start")).is_between(0, 60).all()).item()


@pytest.mark.bulk
def test_traffic_is_uneven_and_mostly_in_order() -> None:
    load = Load(100_000, 5)
    frame = parsed(load)
    assert frame["interface-id"].value_counts(sort=True)["interface-id"][0] == eni_ids(load)[0]
    late = (frame["start"].cum_max() - frame["start"]).filter(frame["start"] < frame["start"].cum_max())
    assert 0.045 < len(late) / frame.height < 0.055
    assert late.max() <= 300  # type: ignore[operator]
    assert frame["start"].max() < load.end  # type: ignore[operator]


@pytest.mark.bulk
@pytest.mark.parametrize(
    ("records", "enis", "share"), [(90_000, 40, 0.02), (90_000, 2000, 0.05), (70_000, 200, 0.03)]
)
def test_ordinary_traffic_is_below_what_detectors_look_for(records: int, enis: int, share: float) -> None:
    load = Load(records, 1, enis=enis, reject_share=share)
    planted = [label.eni for label in labels(load)]
    flows = parsed(load).filter(pl.col("log-status") == "OK", ~pl.col("interface-id").is_in(planted))
    is_reject = pl.col("action") == "REJECT"
    windows = flows.group_by("interface-id", pl.col("start") // 60).agg(
        flows=pl.len(),
        ratio=is_reject.mean(),
        ports=pl.col("dstport").filter(is_reject).n_unique(),
    )
    assert windows.filter(pl.col("flows") >= 50).height > 20  # there is something to judge
    assert windows.filter(pl.col("flows") >= 50)["ratio"].max() < 0.1  # type: ignore[operator]
    assert windows["ports"].max() < 20  # type: ignore[operator]
    assert flows.select(is_reject.mean()).item() == pytest.approx(share, rel=0.25)


@pytest.mark.bulk
def test_every_nth_flow_of_an_interface_is_rejected_over_the_whole_load() -> None:
    """Counted anew in each chunk, a window of many chunks could by bad luck hold too many."""
    load = Load(3 * CHUNK_LINES, 1, enis=500, reject_share=0.02, with_incidents=False)
    frame = pl.concat([batch.frame for batch in batches(load)])
    in_order = frame.filter(pl.col("start") >= pl.col("start").cum_max(), pl.col("packets") > 0)
    found = in_order.group_by("eni").agg(flows=pl.len(), rejects=(pl.col("action") == "REJECT").sum())
    assert ((found["rejects"] - found["flows"] // 50).is_between(0, 1)).all()


def test_the_span_grows_with_the_load_within_bounds() -> None:
    assert [Load(n, 1).span_s for n in (1, 1_000_000, 5_000_000, 100_000_000)] == [2400, 2400, 3000, 3600]
    assert Load(10, 1, span_s=60).end - Load(10, 1, span_s=60).start == 60


@pytest.mark.parametrize(
    "make",
    [
        lambda: Load(-1, 1),
        lambda: Load(1, -1),
        lambda: Load(1, 1, enis=0),
        lambda: Load(1, 1, span_s=-1),
        lambda: Load(1, 1, reject_share=0.2),
    ],
)
def test_refuses_a_load_that_cannot_be_made(make: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()  # type: ignore[operator]
