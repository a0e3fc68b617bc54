"""When exports are complete, and what a slot is complete to meanwhile."""

from __future__ import annotations

import pytest

from connectors.progress import BEHIND, NONE, UNREAD, SourceProgress
from connectors.s3.progress.exports import QUIET_S, ExportProgress, are_complete

NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("tasks", "written", "complete"),
    [
        ({}, {}, True),
        ({"a": "COMPLETED"}, {"a": NOW}, True),
        ({"a": "CANCELLED"}, {"a": NOW}, True),
        ({"a": "FAILED"}, {"a": NOW}, True),
        ({"a": "RUNNING"}, {"a": NOW - 9999}, False),
        ({"a": "PENDING"}, {}, False),
        ({"a": "PENDING_CANCEL"}, {"a": NOW}, False),
        ({"a": "COMPLETED", "b": "RUNNING"}, {"a": NOW}, False),
        ({}, {"a": NOW - QUIET_S + 1}, False),
        ({}, {"a": NOW - QUIET_S}, True),
        ({"a": "COMPLETED"}, {"another id": NOW - 10}, True),
        ({"a": "COMPLETED", "b": "RUNNING"}, {"another id": NOW - 9999}, False),
        ({}, {"a": NOW - 9999, "b": NOW - 10}, False),
    ],
)
def test_a_task_is_complete_when_aws_says_so_or_its_folder_is_quiet(
    tasks: dict[str, str], written: dict[str, int], complete: bool
) -> None:
    assert are_complete(tasks, written, NOW) is complete


def test_an_export_holds_until_it_is_complete_and_read() -> None:
    progress = ExportProgress("s3:b/exports")
    unread = SourceProgress("s3:b/exports", UNREAD, NONE)
    assert progress.now() == unread
    progress.found(b"a")
    progress.listed(NONE, is_complete=False)
    assert progress.now() == unread
    progress.read(b"a")
    assert progress.now() == unread, "more files may come"
    progress.found(b"b")
    progress.listed(700, is_complete=True)
    assert progress.now() == unread
    progress.read(b"b")
    assert progress.now() is None
    assert progress.complete_to == 700


def test_a_second_export_holds_where_the_first_one_ended() -> None:
    progress = ExportProgress("s3:b/exports", 700)
    progress.listed(700, is_complete=False)
    assert progress.now() == SourceProgress("s3:b/exports", BEHIND, 700)
