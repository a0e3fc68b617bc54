"""The event time of a line: the same with and without what CloudWatch Logs' tools write in front of it."""

from __future__ import annotations

import pytest

from connectors.event_time import start_of
from connectors.progress import NONE
from tests.build import line

START = 1_790_000_000


@pytest.mark.parametrize(
    "prefix", ["", "2026-09-21T13:05:11 ", "2026-09-21T13:05:11.123000+00:00 eni-1-all "]
)
def test_a_line_has_its_start_whatever_its_prefix(prefix: str) -> None:
    assert start_of(prefix.encode() + line(start=START), "default") == START
    short = "interface-id start"
    assert start_of(prefix.encode() + b"eni-1 %d" % START, short) == START


@pytest.mark.parametrize(
    ("text", "line_format"),
    [
        (b"", "default"),
        (b"2 1", "default"),
        (line(start="-"), "default"),
        (b"2 1 eni-1", "version"),
        (b"2", "No"),
    ],
)
def test_a_line_without_a_start_has_none(text: bytes, line_format: str) -> None:
    assert start_of(text, line_format) == NONE
