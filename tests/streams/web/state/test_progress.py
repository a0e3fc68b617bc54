"""The slots that hold the watermark, in words: unread, behind, without a connector; and foreign progress."""

from __future__ import annotations

import math

import orjson
import pytest

from connectors.progress import NONE, SlotProgress, SourceProgress
from streams.web.state.board import Board
from streams.web.state.history import ForeignMessage
from streams.web.state.progress import HELD_S, REPORT_AGE_MAX_S, SlotsProgress, span

NOW, NEWEST = 50_000.0, 40_000


def progress(*slots: SlotProgress | None) -> SlotsProgress:
    """Build what is known of the slots, numbered from 0."""
    found = SlotsProgress(len(slots))
    for slot, one in enumerate(slots):
        if one is not None:
            found.take(slot, one.encode())
    return found


def slot(*sources: SourceProgress, age_s: float = 1.0, caught_up_to: int = NEWEST) -> SlotProgress:
    """Build the progress of a slot with one source that is caught up, beside `sources`."""
    return SlotProgress(sources, 1, caught_up_to, NEWEST, int((NOW - age_s) * 1000))


def behind(seconds: int, source: str = "s3:bucket", state: str = "behind") -> SourceProgress:
    """Build a source that is so far behind the newest line."""
    return SourceProgress(source, state, NEWEST - seconds)


UNREAD = SourceProgress("s3:bucket", "unread")


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (None, "slot 0: no connector yet"),
        (slot(UNREAD), "slot 0: s3:bucket is not read yet"),
        (
            slot(SourceProgress("s3:bucket", "behind")),
            "slot 0: s3:bucket has no line with a valid time yet",
        ),
        (slot(behind(7200)), "slot 0: s3:bucket 2 h behind"),
        (slot(behind(7200), behind(600, "s3:other")), "slot 0: s3:bucket 2 h behind, and 1 more source"),
        (
            slot(behind(600), behind(900, "s3:b"), UNREAD),
            "slot 0: s3:bucket is not read yet, and 2 more sources",
        ),
        (
            slot(behind(600, "kinesis:s/a", "ended")),
            "slot 0: kinesis:s/a has ended 10 min behind, its child shards have not begun",
        ),
        (slot(age_s=240), "slot 0: no connector for 4 min"),
        (slot(UNREAD, age_s=REPORT_AGE_MAX_S + 0.1), "slot 0: no connector for 4 s"),
    ],
)
def test_a_slot_that_holds_the_watermark_says_why(one: SlotProgress | None, text: str) -> None:
    assert [held.text for held in progress(one).held(NOW)] == [text]


@pytest.mark.parametrize(
    "one", [slot(), slot(behind(HELD_S - 1)), slot(age_s=REPORT_AGE_MAX_S), slot(age_s=-100)]
)
def test_ordinary_progress_is_not_held(one: SlotProgress) -> None:
    assert progress(one).held(NOW) == []


def test_the_worst_comes_first() -> None:
    known = progress(slot(behind(600)), slot(age_s=9), slot(behind(7200)), None, slot(UNREAD), slot())
    assert [held.slot for held in known.held(NOW)] == [3, 4, 2, 0, 1]


def test_behind_compares_event_time_with_the_newest_line_of_all_slots() -> None:
    known = progress(SlotProgress((behind(600),), 0, NONE, NEWEST - 500, int(NOW * 1000)), slot())
    assert known.hold_s(0) == 600
    assert known.held(NOW + 1)[0].text == "slot 0: s3:bucket 10 min behind"


def test_the_watermark_is_that_of_all_slots() -> None:
    assert progress(slot(behind(600)), slot()).complete_to == NEWEST - 600
    assert progress(slot(), None).complete_to == NONE
    assert progress(slot(), slot(UNREAD)).complete_to == NONE
    assert SlotsProgress().complete_to == NONE
    assert progress(slot(), None).hold_s(1) == math.inf


GOOD = orjson.loads(slot(behind(1)).encode())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"1",
        b"[]",
        b"{}",
        orjson.dumps({**GOOD, "a_newer_field": 1}),
        orjson.dumps({**GOOD, "newest": "1"}),
        orjson.dumps({**GOOD, "reported_ms": None}),
        orjson.dumps({**GOOD, "sources": [{"source": "s", "state": "asleep"}]}),
        orjson.dumps({**GOOD, "sources": [{"source": 1, "state": "behind", "complete_to": 1}]}),
        orjson.dumps({**GOOD, "sources": [{"source": "s", "state": "behind", "complete_to": "x"}]}),
    ],
)
def test_foreign_progress_is_refused_and_changes_nothing(value: bytes) -> None:
    board = Board()
    board.progress.count = 1
    with pytest.raises(ForeignMessage):
        board.take_progress(0, value)
    assert (board.progress.slots, board.messages["positions"]) == ({}, 0)


def test_spans_are_in_their_largest_unit() -> None:
    assert [span(s) for s in (0, 59, 60, 3599, 7200, 90_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "59 min",
        "2 h",
        "1 d",
    ]
