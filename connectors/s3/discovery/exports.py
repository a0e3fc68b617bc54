"""Files that CloudWatch Logs exports to S3: flow-log lines with a time as prefix, and without a header.

A key is the export's folder, the task's id, the log stream and a number. It has no day, so each listing reads
the whole folder, and the look-back applies to the object's `LastModified`. Source: CloudWatch Logs guide,
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
    """One folder of exports, with its slash, and the settings of its lines."""

    folder: str
    line_format: str
    account: str = ""
    region: str = ""

    def object(self, bucket: str, key: str, etag: str, modified_s: int = 0) -> Object | None:
        """Return the exported file of a key, or None. `modified_s` is its `LastModified`, 0 if unknown."""
        if not key.startswith(self.folder) or not _REST.fullmatch(key, len(self.folder)):
            return None
        file = File(self.account, self.region, "", modified_s, self.line_format)
        return Object(bucket, key, etag.strip('"'), file)

    def task(self, key: str) -> str:
        """Return the id of the task that wrote a file, by its key."""
        return key[len(self.folder) :].partition("/")[0]


def exports(folder: str, line_format: str, account: str, region: str) -> Exports | None:
    """Return the exports of the settings; None without a folder. Raises `BadFormat`."""
    if not folder.strip("/"):
        return None
    return Exports(folder.strip("/") + "/", log_format(parse_format(line_format)), account, region)
