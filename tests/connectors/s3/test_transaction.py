"""What is known of the event time of an object's lines."""

from __future__ import annotations

import pytest

from connectors.progress import NONE
from connectors.s3.keys import CommittedProgress, File, Object
from connectors.s3.text import Part
from connectors.s3.transaction import ObjectRead

AT = 1_700_000_000
ONE = Object("b", "k", "e", File("1", "r", "fl", AT))


def read(*parts: Part) -> ObjectRead:
    return ObjectRead(ONE, parts, CommittedProgress(), AT * 1000 + 900_000)


def part(starts: list[int], refused: str = "") -> Part:
    text = "\n".join(f"eni-1 {start} {start + 60}" for start in starts).encode()
    return Part("${interface-id} ${start} ${end}", text, 0, len(text), len(starts), refused)


@pytest.mark.parametrize("newest_at", [0, 5, 9])
def test_the_newest_start_is_found_wherever_it_stands(newest_at: int) -> None:
    """Lines of an object are in no order."""
    starts = [AT] * 10
    starts[newest_at] = AT + 300
    assert read(part([AT] * 10), part(starts)).newest == AT + 300


def test_what_is_refused_or_implausible_moves_no_time() -> None:
    assert read(part([AT + 600], "too long")).newest == NONE
    assert read(part([AT * 10, 5])).newest == NONE
