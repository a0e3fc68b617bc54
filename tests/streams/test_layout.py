"""The partition of an interface by window, after growths."""

from __future__ import annotations

from zlib import crc32

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from streams.layout import Layout


@given(
    st.lists(st.tuples(st.sampled_from([f"eni-{n}" for n in range(20)]), st.integers(0, 40)), max_size=40),
    st.lists(st.integers(5, 35), min_size=1, max_size=3, unique=True).map(sorted),
)
def test_each_row_is_in_the_partition_that_its_window_had(
    rows: list[tuple[str, int]], growths: list[int]
) -> None:
    layout, slots = Layout(), 2
    for until in growths:
        layout, slots = layout.after(until, slots), slots * 2
    assert Layout.load(layout.encode()) == layout

    def expected(eni: str, window: int) -> int:
        number = next((2 << at for at, until in enumerate(growths) if window < until), slots)
        return crc32(eni.encode()) % number

    found: list[tuple[int, str, int]] = []
    for q in range(slots):
        ours = [(eni, window) for eni, window in rows if crc32(eni.encode()) % slots == q]
        frame = pl.DataFrame(ours, schema={"entity": pl.String, "window": pl.Int64}, orient="row")
        assert (
            len(frame) == 0
            or layout.needs_split(frame["window"].min())
            or min(frame["window"]) >= growths[-1]
        )
        for target, part in layout.split(q, frame).items():
            found += [(target, *row) for row in part.iter_rows()]
    assert sorted(found) == sorted((expected(eni, window), eni, window) for eni, window in rows)


def test_a_pipeline_that_never_grew_splits_nothing() -> None:
    assert Layout.load(None) == Layout()
    assert not Layout().needs_split(0)
