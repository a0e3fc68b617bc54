"""Which objects of a listing are wanted, and what is left for the next one."""

from __future__ import annotations

from connectors.s3.discovery.exports import Exports
from connectors.s3.discovery.found import NewObjects
from connectors.s3.keys import File, Object

TASK = "2ac20f39-7a11-4bbd-ad70-1b1e5d0b3d1a"


def at(file_s: int) -> Object:
    return Object("b", f"{file_s}", "e", File("1", "r", "fl", file_s))


def test_the_oldest_are_wanted_and_the_rest_is_left_from_its_oldest() -> None:
    found = NewObjects(3)
    for file_s in [70, 10, 60, 20, 50, 30, 40, 80]:
        found.add(at(file_s), slot=file_s // 10 % 2)
    assert [one.file.file_s for one, _ in found.oldest()] == [10, 20, 30]
    assert found.left_from == {0: 40, 1: 50}


def test_an_object_without_room_is_left_too() -> None:
    found = NewObjects(3)
    found.add(at(10), 0)
    for one, slot in found.oldest():
        found.leave(one, slot)
    assert found.left_from == {0: 10}


def test_exported_files_say_when_their_task_wrote_and_others_how_new_the_listing_is() -> None:
    exports = Exports("x/", "${start}")
    found = NewObjects(3)
    found.saw(at(10), exports)
    for modified_s in (500, 400):
        one = exports.object("b", f"x/{TASK}/s/000000.gz", "e", modified_s)
        assert one is not None
        found.saw(one, exports)
    assert (found.newest, found.written) == (10, {TASK: 500})
