"""The event time of a line: the same with and without what CloudWatch Logs' tools write in front of it."""

from __future__ import annotations

import pytest

from connectors.event_time import BACK_MAX, newest_start, start_of
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


@pytest.mark.parametrize(
    "end", [b"\n", b"\r\n\r\n", b"\n \n", b"\n-- 25 rows --", b"\n" + line(start=START + 86_400)]
)
def test_a_text_that_ends_with_lines_without_a_time_has_that_of_the_line_before(end: bytes) -> None:
    """Else the event time of a source whose records end so is unknown, and no window becomes final."""
    text = line(start=START - 60) + b"\n" + line(start=START) + end
    assert newest_start([(text, "default", START * 1000)]) == START


def test_only_the_end_of_a_text_is_looked_at() -> None:
    text = line(start=START) + b"\n" * BACK_MAX
    assert newest_start([(text, "default", START * 1000)]) == NONE
    assert newest_start([(text[:-1], "default", START * 1000)]) == START
