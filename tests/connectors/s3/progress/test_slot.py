"""What a slot of `connect s3` reports, and which object waits to be read."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from connectors.progress import BEHIND, NONE, UNREAD, Group, SlotProgress, SourceProgress
from connectors.s3.discovery.exports import Exports
from connectors.s3.keys import File, Object
from connectors.s3.progress.listing import Listed
from connectors.s3.progress.queue import Poll, QueueProgress
from connectors.s3.progress.slot import ListingProgress, Now, QueuedProgress, complete_before
from connectors.s3.wanted import Alignment, ObjectQueue

TASK = "2ac20f39-7a11-4bbd-ad70-1b1e5d0b3d1a"
EXPORTED = Exports("x/", "${start}").object("b", f"x/{TASK}/s/000000.gz", "e", 50)


def at(file_s: int) -> Object:
    return Object("b", f"{file_s}", "e", File("1", "r", "fl", file_s))


def now(newest: int) -> Now:
    return Now(newest, 1_000_000, 0.0)


def test_an_export_holds_a_slot_whose_listing_is_caught_up() -> None:
    assert EXPORTED is not None
    progress = ListingProgress.of("s3:b/", "s3:b/x/", None)
    progress.found(EXPORTED)
    progress.listed(Listed(700, 700), None, are_exports_complete=True)
    report = progress.report(700, now(700))
    assert report.sources == (SourceProgress("s3:b/x/", UNREAD, NONE),)
    assert (report.caught_up, report.caught_up_to, report.hold) == (1, 700, NONE)
    progress.read(EXPORTED)
    assert progress.report(700, now(700)).hold == 700


def test_a_listing_that_left_objects_out_proves_no_export_complete() -> None:
    progress = ListingProgress.of("s3:b/", "s3:b/x/", None)
    progress.listed(Listed(700, 700), 100, are_exports_complete=True)
    assert progress.report(700, now(700)).hold == NONE


@pytest.mark.parametrize(
    ("committed", "complete_to"),
    [
        (None, NONE),
        (SlotProgress((SourceProgress("s", BEHIND, 300),), 1, 700), 300),
        (SlotProgress((SourceProgress("other", BEHIND, 300),), 1, 700), 700),
        (SlotProgress((SourceProgress("other", BEHIND, 300),)), 300),
        (SlotProgress((), 1, 700), 700),
        (SlotProgress((), 0, 700), 700),
    ],
)
def test_a_new_owner_begins_where_the_last_report_left_a_source(
    committed: SlotProgress | None, complete_to: int
) -> None:
    assert complete_before(committed, "s") == complete_to


def test_the_slots_of_a_process_share_what_its_queue_proves() -> None:
    queue = QueueProgress()
    slots = [QueuedProgress("q", queue, 100), QueuedProgress("q", queue, 200)]
    assert [one.report(900, now(900)).hold for one in slots] == [100, 200]
    queue.assigned(-1000)
    queue.polled(Poll(-5, 800, is_empty=True), -2)
    queue.settle(lambda _: False, (), -2, None)
    assert [one.report(900, now(900)).hold for one in slots] == [800, 800]


async def test_the_oldest_object_is_read_first() -> None:
    wanted = ObjectQueue(3)
    for file_s in (30, 10, 20):
        wanted.put(at(file_s))
    assert wanted.free == 0
    with pytest.raises(asyncio.QueueFull):
        wanted.put(at(5))
    taken = [(await wanted.get(lambda _: True)).file.file_s for _ in range(3)]
    assert all(first < second for first, second in pairwise(taken))


def test_a_slot_waits_for_the_slower_slots_of_its_process_and_of_others() -> None:
    group = Group(3)
    alignment = Alignment(group, 600)
    fast, slow = (ListingProgress.of("s3:b/", "", None) for _ in range(2))
    alignment.slots = {0: fast.files, 1: slow.files}
    fast.found(at(10_000))
    assert alignment.allows(at(10_000), 0), "nothing older is known"
    slow.found(at(1000))
    assert not alignment.allows(at(10_000), 0)
    assert alignment.allows(at(1000), 1)
    slow.read(at(1000))
    assert alignment.allows(at(10_000), 0)
    assert EXPORTED is not None
    assert alignment.allows(EXPORTED, 0), "an export keeps no order"


def test_an_object_that_came_late_holds_no_other_slot() -> None:
    group = Group(2)
    alignment = Alignment(group, 600)
    busy, other = (ListingProgress.of("s3:b/", "", SlotProgress((), 1, 9000, 9000)) for _ in range(2))
    alignment.slots = {0: busy.files, 1: other.files}
    busy.found(at(100))
    other.found(at(9300))
    assert alignment.allows(at(9300), 1)
