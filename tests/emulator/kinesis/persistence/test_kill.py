"""A put that was acknowledged survives SIGKILL.

`python -m tests.emulator.kinesis.persistence.durability` does this at length.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.kinesis.persistence import durability


@pytest.mark.faults
def test_nothing_acknowledged_is_missing_after_three_kills(tmp_path: Path) -> None:
    found = durability.check(3, tmp_path / "data")
    assert found.is_whole, found
    assert found.rounds == 3
    assert found.acknowledged > 100
