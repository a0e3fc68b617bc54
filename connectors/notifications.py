"""What a message of an SQS queue tells of new objects: S3's own event, bare or in SNS, or EventBridge's.

S3 writes keys into its events as a form would (`+` for a space, percent-encoding); EventBridge writes them as
they are. Sources: S3 guide, "Event message structure" and "EventBridge event message structure"; SNS guide,
"Parsing message formats".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from connectors.exports import Exports
from connectors.objects import Object, as_object, folder

OBJECTS, TEST, FOREIGN, UNKNOWN = "objects", "test", "foreign", "not understood"

_Found = tuple[str, str, str]  # bucket, key, ETag
_HOST = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)amazonaws\.com")


@dataclass(frozen=True, slots=True)
class Told:
    """The flow-log files that a message tells of; `outcome` is how it is counted."""

    outcome: str
    objects: tuple[Object, ...] = ()


def told(body: str, bucket: str = "", prefix: str = "", exports: Exports | None = None) -> Told:
    """Understand a message. What is of another bucket, or no file of flow logs, is foreign.

    An empty bucket stands for any. Never raises for bad input.
    """
    try:
        found = _events(orjson.loads(body))
        is_understood = all(isinstance(name, str) and isinstance(key, str) for name, key, _ in found or ())
    except (ValueError, KeyError, TypeError, AttributeError):
        return Told(UNKNOWN)
    if not is_understood:
        return Told(UNKNOWN)
    if found is None:
        return Told(TEST)
    of_bucket = [one for one in found if not bucket or one[0] == bucket]
    files = [as_object(*one) for one in of_bucket if one[1].startswith(folder(prefix))]
    exported = [exports.object(*one) for one in of_bucket] if exports else []
    ours = tuple(one for one in [*files, *exported] if one is not None)
    return Told(OBJECTS if ours else FOREIGN, ours)


def queue_region(url: str) -> str | None:
    """Return the Region in a queue's URL; None when it is not AWS's."""
    found = _HOST.match(url)
    return found and (found[1] or found[2])


def _events(value: Any) -> list[_Found] | None:
    """Return the objects that were made; None for the message that S3 sends when a queue is set up."""
    if "Message" in value and "TopicArn" in value:  # Wrapped by SNS; its confirmations have a Message too.
        is_notification = value.get("Type") == "Notification"
        return _events(orjson.loads(value["Message"])) if is_notification else []
    if value.get("Event") == "s3:TestEvent":
        return None
    if value.get("source") == "aws.s3":
        detail = value["detail"]
        is_made = value["detail-type"] == "Object Created"
        return [(detail["bucket"]["name"], detail["object"]["key"], _etag(detail))] if is_made else []
    return [
        (one["s3"]["bucket"]["name"], unquote_plus(one["s3"]["object"]["key"]), _etag(one["s3"]))
        for one in value["Records"]
        if one["eventSource"] == "aws:s3"
        and one["eventName"].removeprefix("s3:").startswith("ObjectCreated:")
    ]


def _etag(value: Any) -> str:
    return str(value["object"].get("eTag") or value["object"].get("etag") or "")
