"""The export tasks of CloudWatch Logs that write to a folder of a bucket, and their states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import structlog

from connectors.aws.calls import Caller
from connectors.aws.errors import FAILURES, describe_error, is_retryable
from connectors.aws.session import make_client

log = structlog.get_logger()

PAGES_MAX = 20  # of fifty tasks
DEFAULT_FOLDER = "exportedlogs"  # of a task without `destinationPrefix` (CreateExportTask)
UNREACHABLE_S = 600.0
"""After so long without one answer, CloudWatch Logs counts as unreachable, as from a subnet that has an
endpoint for S3 only. It is the pause after which an export without a known task is complete (`QUIET_S`)."""


class ExportTasks:
    """The export tasks of one folder."""

    def __init__(self, caller: Caller, bucket: str, folder: str, region: str | None) -> None:
        self._caller, self._bucket, self._folder = caller, bucket, folder.strip("/")
        self._client = make_client("logs", region)
        self._has_answered = self._has_warned = False
        self._failing_since: float | None = None

    async def codes(self) -> Mapping[str, str] | None:
        """Return the status codes by task id; None if CloudWatch Logs does not answer now.

        The result is empty if the call is refused, or was never answered for `UNREACHABLE_S`: then a task
        counts as ended by the age of its newest file (`progress.exports`). A call is tried once, because the
        listing or the queue must not wait for another service.
        """
        try:
            found = await self._describe()
        except FAILURES as error:
            return self._failed(error)
        self._has_answered, self._failing_since = True, None
        return found

    async def _describe(self) -> dict[str, str]:
        found: dict[str, str] = {}
        request: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            describe = self._client.describe_export_tasks
            page = await self._caller.once("DescribeExportTasks", describe, **request)
            ours = [one for one in page["exportTasks"] if self._is_ours(one)]
            found |= {one["taskId"]: one["status"]["code"] for one in ours}
            if not page.get("nextToken"):
                break
            request = {"nextToken": page["nextToken"]}
        return found

    def _failed(self, error: Exception) -> Mapping[str, str] | None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            if is_retryable(error):
                log.warning(
                    "export tasks cannot be described now, the watermark waits", error=describe_error(error)
                )
        if is_retryable(error) and (self._has_answered or now - self._failing_since < UNREACHABLE_S):
            return None
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "export tasks cannot be described: an export counts as complete after ten minutes without a"
                " new file; allow logs:DescribeExportTasks to know it at once",
                error=describe_error(error),
            )
        return {}

    def _is_ours(self, task: Mapping[str, Any]) -> bool:
        folder = (task.get("destinationPrefix") or DEFAULT_FOLDER).strip("/")
        return folder == self._folder and self._bucket in ("", task.get("destination"))
