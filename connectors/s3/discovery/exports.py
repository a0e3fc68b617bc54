"""Files that CloudWatch Logs exports to S3: flow-log lines with the time of each in front, and no header.

A key is the export's folder, the task's id, the log stream and a number. It has no day, so all of a folder is
listed each time, and the object's own time is what the look-back counts by. Source: CloudWatch Logs guide,
"Exporting log data to Amazon S3". Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.formats.flowlog import log_format, parse_format
from connectors.s3.keys import File, Object

_REST = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+/\d{6}\.gz")


@dataclass(frozen=True, slots=True)
class Exports:
    """One folder of exports, with its slash, and what is set about its lines."""

    folder: str
    line_format: str
    account: str = ""
    region: str = ""

    def object(self, bucket: str, key: str, etag: str, modified_s: int = 0) -> Object | None:
        """Return the exported file that this is, or None. `modified_s` is its `LastModified`, if known."""
        if not key.startswith(self.folder) or not _REST.fullmatch(key, len(self.folder)):
            return None
        file = File(self.account, self.region, "", modified_s, self.line_format)
        return Object(bucket, key, etag.strip('"'), file)

    def task(self, key: str) -> str:
        """Return the id of the task that wrote a file, by its key."""
        return key[len(self.folder) :].partition("/")[0]


def exports(folder: str, line_format: str, account: str, region: str) -> Exports | None:
    """Return the exports that settings name; None for no folder. Raises `BadFormat`."""
    if not folder.strip("/"):
        return None
    return Exports(folder.strip("/") + "/", log_format(parse_format(line_format)), account, region)
