"""Ask CloudWatch Logs which export tasks write to a folder of a bucket, and whether they have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws.session import describe_error, make_client
from connectors.s3.client import counted

log = structlog.get_logger()

PAGES_MAX = 20  # of fifty tasks
DEFAULT_FOLDER = "exportedlogs"  # of a task without `destinationPrefix` (CreateExportTask)


class ExportTasks:
    """The export tasks of one folder."""

    def __init__(self, bucket: str, folder: str, region: str | None) -> None:
        self._bucket, self._folder = bucket, folder.strip("/")
        self._client = make_client("logs", region)
        self._has_warned = False

    async def codes(self) -> Mapping[str, str]:
        """Return the status codes by task id; none if CloudWatch Logs cannot be asked.

        Then a task ends when its folder is quiet (`progress.exports`), and one log line says so. A call is
        tried once: the listing or the queue must not wait for another service.
        """
        found: dict[str, str] = {}
        request: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            try:
                describe = self._client.describe_export_tasks
                page = await asyncio.to_thread(counted, "DescribeExportTasks", describe, **request)
            except (ClientError, BotoCoreError) as error:
                self._warn(error)
                return {}
            ours = [one for one in page["exportTasks"] if self._is_ours(one)]
            found |= {one["taskId"]: one["status"]["code"] for one in ours}
            if not page.get("nextToken"):
                break
            request = {"nextToken": page["nextToken"]}
        return found

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            log.warning(
                "export tasks cannot be described: an export counts as complete after ten minutes without a"
                " new file; allow logs:DescribeExportTasks to know it at once",
                error=describe_error(error),
            )
        self._has_warned = True

    def _is_ours(self, task: Mapping[str, Any]) -> bool:
        folder = (task.get("destinationPrefix") or DEFAULT_FOLDER).strip("/")
        return folder == self._folder and self._bucket in ("", task.get("destination"))
