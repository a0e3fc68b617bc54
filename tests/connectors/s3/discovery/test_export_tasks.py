"""What is known of export tasks when CloudWatch Logs answers, refuses, or does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from structlog.testing import capture_logs

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.s3.discovery import export_tasks
from connectors.s3.discovery.export_tasks import UNREACHABLE_S, ExportTasks
from connectors.s3.progress.exports import are_complete

UNREACHABLE = EndpointConnectionError(endpoint_url="http://logs")


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeExportTasks")


@dataclass
class Logs:
    """DescribeExportTasks with two pages; it raises the error that a test sets."""

    error: Exception | None = None

    def describe_export_tasks(self, **request: str) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        if not request:
            return {"exportTasks": [task("a", "COMPLETED"), task("b", "RUNNING", "else")], "nextToken": "t"}
        return {"exportTasks": [task("c", "RUNNING")]}


def task(task_id: str, code: str, folder: str = "exported") -> dict[str, Any]:
    return {"taskId": task_id, "destination": "b", "destinationPrefix": folder, "status": {"code": code}}


@dataclass
class Clock:
    """The module `time`, at a time that the test moves."""

    now: float = 10_000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Case:
    """The tasks of one folder, with their service and clock."""

    logs: Logs = field(default_factory=Logs)
    clock: Clock = field(default_factory=Clock)

    def tasks(self) -> ExportTasks:
        return ExportTasks(Caller(metrics.S3_CALLS), "b", "exported/", None)


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Case:
    case = Case()
    monkeypatch.setattr(export_tasks, "time", case.clock)
    monkeypatch.setattr(export_tasks, "make_client", lambda *_: case.logs)
    return case


async def test_the_tasks_of_a_folder_are_found_on_all_pages(case: Case) -> None:
    assert await case.tasks().codes() == {"a": "COMPLETED", "c": "RUNNING"}


@pytest.mark.parametrize("error", [refused("ThrottlingException", 400), refused("x", 500), UNREACHABLE])
async def test_a_transient_failure_completes_no_export(case: Case, error: Exception) -> None:
    """The watermark would pass the lines of an export that runs."""
    tasks = case.tasks()
    await tasks.codes()
    case.logs.error = error
    case.clock.now += 10 * UNREACHABLE_S
    for _ in range(2):
        codes = await tasks.codes()
        assert codes is None
        assert not are_complete(codes, {}, 1e9)
        case.clock.now += 10 * UNREACHABLE_S
    case.logs.error = None
    assert await tasks.codes()


async def test_a_service_that_never_answers_counts_as_unreachable_after_a_while(case: Case) -> None:
    case.logs.error, tasks = UNREACHABLE, case.tasks()
    with capture_logs() as logs:
        assert await tasks.codes() is None
        case.clock.now += UNREACHABLE_S - 1
        assert await tasks.codes() is None
        case.clock.now += 1
        assert await tasks.codes() == {}
        assert await tasks.codes() == {}
    assert [log["event"].partition(":")[0] for log in logs] == [
        "export tasks cannot be described now, the watermark waits",
        "export tasks cannot be described",
    ]


async def test_a_missing_permission_is_known_at_once(case: Case) -> None:
    case.logs.error = refused("AccessDeniedException", 400)
    assert await case.tasks().codes() == {}
