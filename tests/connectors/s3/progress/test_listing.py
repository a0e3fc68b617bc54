"""What a slot is complete to while its objects are found by listing, and which object waits."""

from __future__ import annotations

import pytest

from connectors.progress import BEHIND, NONE, UNREAD, Group, SlotProgress, SourceProgress
from connectors.s3.progress.listing import Listed, ListedProgress, may_read, slowest

SOURCE = "s3:b"
HOUR = 3600


def behind(to: int) -> SourceProgress:
    return SourceProgress(SOURCE, BEHIND, to)


def test_a_slot_that_was_never_listed_is_complete_to_nothing() -> None:
    progress = ListedProgress(SOURCE)
    progress.found(b"a", 100)
    assert progress.now(9000) == SourceProgress(SOURCE, UNREAD, NONE)


def test_a_new_owner_holds_what_was_committed_until_a_listing_has_ended() -> None:
    progress = ListedProgress(SOURCE, 500)
    assert progress.now(9000) == behind(500)
    progress.listed(Listed(9000, 9000), None)
    assert progress.now(9000) is None
    assert progress.complete_to == 9000


def test_the_oldest_unread_object_holds_the_slot() -> None:
    progress = ListedProgress(SOURCE)
    for mark, file_s in [(b"a", 600), (b"b", 300), (b"c", 900)]:
        progress.found(mark, file_s)
    progress.listed(Listed(NONE, 900), None)
    assert progress.now(5000) == behind(300)
    progress.read(b"b")
    assert progress.now(5000) == behind(600)
    progress.read(b"c")
    assert progress.now(5000) == behind(600)
    progress.read(b"a")
    assert progress.now(5000) is None
    assert progress.complete_to == 900


def test_a_listing_that_left_objects_out_holds_the_slot_at_the_oldest_of_them() -> None:
    progress = ListedProgress(SOURCE)
    progress.found(b"a", 300)
    progress.listed(Listed(NONE, 9000), 600)
    progress.read(b"a")
    assert progress.now(9000) == behind(600)
    progress.listed(Listed(700, 9000), None)
    assert progress.now(9000) is None


def test_what_a_listing_left_out_does_not_prove_more_than_the_listing() -> None:
    """An exported file has the time of its object: newer than the flow logs that the listing has found."""
    progress = ListedProgress(SOURCE)
    progress.listed(Listed(700, 900), 5000)
    assert progress.now(9000) == behind(900)


def test_no_slot_is_complete_to_more_than_the_newest_start_that_is_known() -> None:
    """Names may be newer than the lines."""
    progress = ListedProgress(SOURCE)
    progress.found(b"a", 10 * HOUR)
    progress.listed(Listed(NONE, 20 * HOUR), None)
    assert progress.now(NONE) == SourceProgress(SOURCE, UNREAD, NONE)
    assert progress.now(HOUR) == behind(HOUR)
    progress.read(b"a")
    progress.now(2 * HOUR)
    assert progress.complete_to == 2 * HOUR


def test_a_late_object_does_not_take_a_promise_back() -> None:
    progress = ListedProgress(SOURCE)
    progress.listed(Listed(5000, 5000), None)
    progress.now(5000)
    progress.found(b"late", 100)
    assert progress.now(6000) == behind(5000)


@pytest.mark.parametrize(
    ("file_s", "complete_to", "slowest_to", "others", "reads"),
    [
        (1000, 1000, None, [], True),
        (1600, 1600, 1000, [], True),
        (1601, 1601, 1000, [], False),
        (9000, 1000, 1000, [], True),  # A gap in all data: the slowest slot reads on.
        (9000, 1000, 1000, [8000], False),  # But the one with the older object is first.
        (1601, 1000, None, [1000], False),
        (1600, 1000, None, [1000], True),
        (50_000, NONE, NONE, [50_000], True),  # The first start.
    ],
)
def test_an_object_waits_for_slower_slots(
    file_s: int, complete_to: int, slowest_to: int | None, others: list[int], reads: bool
) -> None:
    assert may_read(file_s, complete_to, slowest_to, others, 600) is reads


def test_only_live_slots_of_the_same_source_are_waited_for() -> None:
    now = 1_000_000
    group = Group(4)
    group.slots[0] = SlotProgress((behind(500), SourceProgress("export", UNREAD)), reported_ms=now)
    group.slots[1] = SlotProgress((behind(900),), reported_ms=now)
    group.slots[2] = SlotProgress((behind(100),), reported_ms=now - 60_000)
    group.slots[3] = SlotProgress((), 1, 50, reported_ms=now)
    assert slowest(group, SOURCE, now) == 500
