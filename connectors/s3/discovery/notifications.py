"""The parser of notifications about new objects: S3's own event, bare or in SNS, or EventBridge's.

S3 encodes keys as a form does (`+` for a space, percent-encoding); EventBridge does not encode them. Sources:
S3 guide, "Event message structure" and "EventBridge event message structure"; SNS guide, "Parsing message
formats".

A queue can have other readers, so `parse_notification` separates the events of flow-log files from all
others. An event of another bucket, of a key outside of the prefix, or of a key that is not a flow-log file is
for another reader. An event of a flow-log file that is not a creation (a deletion, a restore, a tag) belongs
to this connector, and has no object to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from connectors.s3.discovery.exports import Exports
from connectors.s3.keys import Object, as_object, folder, is_write_test

OBJECTS, TEST, NOTHING_NEW = "objects", "test", "no new object"
FOREIGN, UNKNOWN = "foreign", "not understood"

_HOST = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)amazonaws\.com")


@dataclass(frozen=True, slots=True)
class Notification:
    """The flow-log files of a message; `outcome` is the value of the metric's label.

    `others` names the parts of the message that are for another reader: an object, or a kind of message.
    """

    outcome: str
    objects: tuple[Object, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_only_ours(self) -> bool:
        """Return whether the message has nothing for another reader, so that it may be deleted."""
        return not self.others and self.outcome != UNKNOWN


@dataclass(frozen=True, slots=True)
class _Event:
    """One event: an object, or the name of an `other` kind of message."""

    bucket: str = ""
    key: str = ""
    etag: str = ""
    is_creation: bool = False
    is_test: bool = False
    other: str = ""


def parse_notification(
    body: str, bucket: str = "", prefix: str = "", exports: Exports | None = None
) -> Notification:
    """Parse a message, and separate its events. An empty bucket means any. Never raise for bad input."""
    try:
        events = list(_events(orjson.loads(body)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Notification(UNKNOWN)
    if not all(isinstance(text, str) for one in events for text in (one.bucket, one.key, one.other)):
        return Notification(UNKNOWN)
    objects: list[Object] = []
    others: list[str] = []
    for one in events:
        found = None if one.is_test else _file(one, prefix, exports)
        if one.other or (bucket and one.bucket != bucket):
            others.append(one.other or f"{one.bucket}/{one.key}")
        elif found is not None:
            objects += [found] * one.is_creation
        elif not one.is_test and not is_write_test(one.key, prefix, exports.folder if exports else ""):
            others.append(f"{one.bucket}/{one.key}")
    if objects:
        return Notification(OBJECTS, tuple(objects), tuple(others))
    if others or not events:
        return Notification(FOREIGN, (), tuple(others) or ("no event",))
    return Notification(TEST if all(one.is_test for one in events) else NOTHING_NEW)


def queue_region(url: str) -> str | None:
    """Return the Region in a queue's URL; None if it is not a URL of AWS."""
    found = _HOST.match(url)
    return found and (found[1] or found[2])


def _file(event: _Event, prefix: str, exports: Exports | None) -> Object | None:
    if event.key.startswith(folder(prefix)) and (found := as_object(event.bucket, event.key, event.etag)):
        return found
    return exports.object(event.bucket, event.key, event.etag) if exports else None


def _events(value: Any) -> Iterator[_Event]:
    if "Message" in value and "TopicArn" in value:  # SNS wraps it; confirmations of SNS have a Message too.
        if value.get("Type") == "Notification":
            yield from _events(orjson.loads(value["Message"]))
        else:
            yield _Event(other=f"{value.get('Type')} of SNS")
    elif value.get("Event") == "s3:TestEvent":  # S3 sends it when the notification is set up.
        yield _Event(str(value.get("Bucket") or ""), is_test=True)
    elif value.get("source") == "aws.s3":
        detail = value["detail"]
        is_creation = value["detail-type"] == "Object Created"
        yield _Event(detail["bucket"]["name"], detail["object"]["key"], _etag(detail), is_creation)
    else:
        yield from map(_record, value["Records"])


def _record(one: Any) -> _Event:
    if one["eventSource"] != "aws:s3":
        return _Event(other=f"event of {one['eventSource']}")
    is_creation = one["eventName"].removeprefix("s3:").startswith("ObjectCreated:")
    key = unquote_plus(one["s3"]["object"]["key"])
    return _Event(one["s3"]["bucket"]["name"], key, _etag(one["s3"]), is_creation)


def _etag(value: Any) -> str:
    return str(value["object"].get("eTag") or value["object"].get("etag") or "")
