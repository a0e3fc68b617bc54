"""The hot path against an outside referee: Polars reads and groups the same well-formed lines."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from streams.sums import lines
from streams.sums.accumulator import Sums

WINDOW_S = 60


def well_formed(seed: int, count: int) -> pl.DataFrame:
    """Draw well-formed lines as columns, without any code of ours."""
    rng = np.random.default_rng(seed)
    start = rng.integers(1_700_000_000, 1_700_000_600, count)
    address = pl.Series(rng.integers(0, 250, count)).cast(pl.String)
    return pl.DataFrame(
        {
            "version": np.full(count, 2),
            "account-id": np.full(count, 123456789012),
            "interface-id": [f"eni-{i:017x}" for i in rng.integers(0, 40, count).tolist()],
            "srcaddr": "10.0.0." + address,
            "dstaddr": "10.0.1." + address,
            "srcport": rng.integers(1024, 65536, count),
            "dstport": rng.choice([22, 53, 443], count),
            "protocol": rng.choice([1, 6, 17], count),
            "packets": rng.integers(1, 1000, count),
            "bytes": rng.integers(40, 10**9, count),
            "start": start,
            "end": start + rng.integers(0, 60, count),
            "action": rng.choice(["ACCEPT", "REJECT"], count),
            "log-status": np.full(count, "OK"),
        }
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_polars_agrees_on_well_formed_lines(seed: int) -> None:
    text = well_formed(seed, 20_000).write_csv(separator=" ", include_header=False).encode()
    expected = (
        pl.read_csv(io.BytesIO(text), separator=" ", has_header=False, new_columns=list(DEFAULT_FORMAT))
        .group_by(
            (pl.col("start") // WINDOW_S * WINDOW_S).alias("window"), "interface-id", "action", "protocol"
        )
        .agg(
            pl.len().cast(pl.Int64),
            pl.col("packets", "bytes").sum(),
            pl.col("start").min(),
            pl.col("end").max(),
        )
    )
    sums = Sums(WINDOW_S)
    sums.add(text, lines.plan(DEFAULT_FORMAT))
    rows = sums.drain().rows.select(
        "window", "entity", "action", "protocol", "flows", "packets", "bytes", "first", "last"
    )
    names = {lines.ACCEPT: "ACCEPT", lines.REJECT: "REJECT"}
    named = rows.with_columns(pl.col("action").replace_strict(names, return_dtype=pl.String))
    assert sorted(named.rows()) == sorted(expected.rows())
