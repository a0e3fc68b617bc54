"""Ask CloudWatch Logs which export tasks write to a folder of a bucket, and whether they have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws import make_client, said
from connectors.s3_calls import call

log = structlog.get_logger()

PAGES_MAX = 20  # of fifty tasks
DEFAULT_FOLDER = "exportedlogs"  # of a task without `destinationPrefix` (CreateExportTask)


class ExportTasks:
    """The export tasks of one folder."""

    def __init__(self, bucket: str, folder: str, region: str | None) -> None:
        self._bucket, self._folder = bucket, folder.strip("/")
        self._client = make_client("logs", region)
        self._is_allowed = True

    async def codes(self) -> Mapping[str, str]:
        """Return the status codes by task id.

        Without `logs:DescribeExportTasks` there are none, and one log line says so: then a task ends when
        its folder is quiet (`export_progress`).
        """
        found: dict[str, str] = {}
        request: dict[str, Any] = {}
        for _ in range(PAGES_MAX if self._is_allowed else 0):
            try:
                page = await call("DescribeExportTasks", self._client.describe_export_tasks, **request)
            except (ClientError, BotoCoreError) as error:
                self._is_allowed = False
                log.warning(
                    "export tasks cannot be described: an export counts as complete after ten quiet minutes;"
                    " allow logs:DescribeExportTasks to know it at once",
                    error=said(error),
                )
                return {}
            found |= {
                one["taskId"]: one["status"]["code"] for one in page["exportTasks"] if self._is_ours(one)
            }
            if not page.get("nextToken"):
                break
            request = {"nextToken": page["nextToken"]}
        return found

    def _is_ours(self, task: Mapping[str, Any]) -> bool:
        folder = (task.get("destinationPrefix") or DEFAULT_FOLDER).strip("/")
        return folder == self._folder and self._bucket in ("", task.get("destination"))
