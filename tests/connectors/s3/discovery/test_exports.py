"""Which keys are exported files, and what is known of their lines."""

from __future__ import annotations

import json

import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT, BadFormat, log_format
from connectors.s3.discovery.exports import Exports, exports
from connectors.s3.discovery.notifications import FOREIGN, OBJECTS, parse_notification
from connectors.s3.keys import DAY_S, CommittedProgress, Object, oldest_listed_s, prune

TASK = "2ac20f39-7a11-4bbd-ad70-1b1e5d0b3d1a"
FILE = f"exportedlogs/{TASK}/eni-0a1b2c3d4e5f60718-all/000000.gz"
FOUND = Exports("exportedlogs/", "${start}", "111122223333", "eu-west-1")
NOW = 1_700_000_000


def exported(key: str = FILE, etag: str = "e1") -> Object:
    found = FOUND.object("b", key, etag, NOW)
    assert found is not None
    return found


def test_a_file_says_what_is_set_and_when_it_was_written() -> None:
    found = exported(etag='"e1"')
    assert (found.key, found.etag, found.file.file_s) == (FILE, "e1", NOW)
    assert (found.file.line_format, found.file.account, found.file.region) == (
        "${start}",
        "111122223333",
        "eu-west-1",
    )


@pytest.mark.parametrize(
    "key",
    [
        "exportedlogs/aws-logs-write-test",
        f"other/{FILE}",
        f"exportedlogs/x/{TASK}/s/000000.gz",
        f"exportedlogs/{TASK}/s/t/000000.gz",
        f"exportedlogs/{TASK}/s/000000",
        f"exportedlogs/{TASK}/s/00000.gz",
        f"exportedlogs/{TASK[:-1]}/s/000000.gz",
        f"exportedlogs/{TASK}//000000.gz",
        "exportedlogs/",
        "",
    ],
)
def test_no_other_key_is_one(key: str) -> None:
    assert FOUND.object("b", key, "e1") is None


@pytest.mark.parametrize("folder", ["exportedlogs", "exportedlogs/", "/exportedlogs/"])
def test_a_folder_is_one_with_and_without_slashes(folder: str) -> None:
    assert exports(folder, "default", "", "") == Exports("exportedlogs/", log_format(DEFAULT_FORMAT))


def test_no_folder_is_no_exports_and_a_format_must_be_one() -> None:
    assert exports("", "default", "", "") is None
    assert exports("/", "default", "", "") is None
    with pytest.raises(BadFormat):
        exports("exportedlogs", "Start", "", "")


def test_a_message_tells_of_exported_files_if_a_folder_is_set() -> None:
    one = {"s3": {"bucket": {"name": "b"}, "object": {"key": FILE, "eTag": "e1"}}}
    body = json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", **one}]})
    assert parse_notification(body, "b", "x").outcome == FOREIGN
    notification = parse_notification(body, "b", "x", FOUND)
    assert (notification.outcome, [one.key for one in notification.objects]) == (OBJECTS, [FILE])
    assert parse_notification(body, "c", "", FOUND).outcome == FOREIGN


def test_an_exported_file_is_forgotten_when_no_listing_wants_it() -> None:
    """Its key has no day; it was written before we read it, so that is what counts."""
    old, new = exported(), exported(etag="e2")
    state = {
        old.mark: CommittedProgress(5, NOW, True).encode(),
        new.mark: CommittedProgress(5, NOW + 3 * DAY_S, True).encode(),
    }
    forgotten = prune(state, NOW + 4 * DAY_S, 2 * DAY_S)
    assert [key for key, value in forgotten.items() if value is None] == [old.mark]
    kept = {key: value for key, value in (state | forgotten).items() if value is not None}
    assert oldest_listed_s(NOW + 4 * DAY_S, 30 * DAY_S, kept) > NOW
