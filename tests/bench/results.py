"""What a bench has found, on its way to `build/bench.json`: name → value, unit, ratio to another name.

Several benches write the same file, each replacing only the names that are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import orjson

FILE = Path("build/bench.json")


class Result(TypedDict):
    """One measured number."""

    value: float
    unit: str
    ratio_to: str
    ratio: float


def merge(results: Mapping[str, Result], file: Path = FILE) -> None:
    """Add results to those of the other benches, in place of older ones of the same name."""
    file.parent.mkdir(exist_ok=True)
    known = orjson.loads(file.read_bytes()) if file.exists() else {}
    part = file.with_suffix(".json.part")
    part.write_bytes(orjson.dumps({**known, **results}, option=orjson.OPT_INDENT_2))
    part.rename(file)
