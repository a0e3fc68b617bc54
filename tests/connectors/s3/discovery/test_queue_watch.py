"""The facts about a queue: the queue's own counts, messages of other readers, and exports that run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.progress import NONE, Group, SlotProgress
from connectors.s3.discovery import queue_watch
from connectors.s3.discovery.exports import Exports
from connectors.s3.discovery.queue_watch import (
    EVENT_DELAY_S,
    HIDDEN_MAX,
    RECEIVE_MAX,
    TASKS_EVERY_S,
    QueueWatch,
    Received,
)
from connectors.s3.keys import Object, as_object
from connectors.s3.progress.queue import DRY_S, HIDDEN_S

NEWEST = 1_800_000_000
KEY = "exported/0a1b2c3d-0000-0000-0000-000000000000/eni-1-all/000000.gz"


@dataclass
class Clock:
    """The module `time`, at a time that the test moves."""

    now: float = 10_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NEWEST + self.now


@dataclass
class Sqs:
    """GetQueueAttributes, which first fails with some codes."""

    failures: list[str]
    asked: int = 0

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        if self.failures:
            raise ClientError({"Error": {"Code": self.failures.pop(0)}}, "GetQueueAttributes")
        names = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        return {"Attributes": dict.fromkeys(names, "0")}


@dataclass
class Tasks:
    """The status of the only export task, which the test changes."""

    code: list[str] = field(default_factory=lambda: ["RUNNING"])

    async def codes(self) -> dict[str, str]:
        return {"task": self.code[0]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(queue_watch, "time", clock)
    return clock


def watching(
    sqs: Sqs, exports: Exports | None = None, is_done: Callable[[Object], bool] = bool
) -> QueueWatch:
    group = Group(1, {0: SlotProgress((), 1, NEWEST, NEWEST)})
    watch = QueueWatch(sqs, Caller(metrics.S3_CALLS), "https://sqs/q", group, is_done, exports)
    watch.progress.assigned(10_000.0 - HIDDEN_S)
    return watch


async def poll(watch: QueueWatch, *received: Received) -> int:
    """Return what is claimed after a poll."""
    await watch.after(watch.before(), received, in_hand=())
    return watch.progress.claimed


@pytest.mark.parametrize(("code", "asked"), [("RequestThrottled", 2), ("AccessDenied", 1)])
async def test_counts_are_asked_for_again_unless_they_are_not_allowed(
    clock: Clock, code: str, asked: int
) -> None:
    sqs = Sqs([code])
    watch = watching(sqs)
    await poll(watch)
    await poll(watch)
    assert sqs.asked == asked


def test_messages_of_other_readers_that_are_visible_again_are_forgotten(clock: Clock) -> None:
    """A queue that is never empty is never counted, which is when they are forgotten otherwise."""
    watch = watching(Sqs([]))
    for nth in range(3 * HIDDEN_MAX):
        watch.hid(str(nth), 0)
    assert len(watch._hidden) <= HIDDEN_MAX


def foreign(clock: Clock, *, ago_s: float = 0.0, receives: int = 1) -> Received:
    return Received(sent_s=clock.time() - ago_s, is_foreign=True, receives=receives)


@pytest.mark.parametrize(
    ("ago_s", "receives", "claims"), [(1.0, 1, True), (600.0, 2, True), (600.0, 1, False)], ids=str
)
async def test_a_queue_that_is_full_of_foreign_messages_is_claimed_if_none_is_old_and_new_to_us(
    clock: Clock, ago_s: float, receives: int, claims: bool
) -> None:
    """Constant traffic of another reader must not hold the watermark; a backlog of it must."""
    watch = watching(Sqs([]))
    for _ in range(3):
        claimed = await poll(watch, *[foreign(clock, ago_s=ago_s, receives=receives)] * RECEIVE_MAX)
        clock.now += DRY_S
    assert claimed == (NEWEST if claims else NONE)


async def test_a_full_poll_with_one_flow_log_is_a_backlog(clock: Clock) -> None:
    watch = watching(Sqs([]), is_done=lambda _: True)
    file = as_object("b", "123456789012_vpcflowlogs_eu-west-1_fl-1_20261130T0000Z_0a.log.gz", "e")
    assert file is not None
    for _ in range(3):
        ours = Received((file,), clock.time())
        claimed = await poll(watch, ours, *[foreign(clock)] * (RECEIVE_MAX - 1))
        clock.now += DRY_S
    assert claimed == NONE


async def test_nothing_is_claimed_until_an_ended_export_has_had_time_for_its_last_message(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = Tasks()
    monkeypatch.setattr(queue_watch, "ExportTasks", lambda *_: tasks)
    exports = Exports("exported/", "${version}")
    file = exports.object("b", KEY, "etag")
    assert file is not None
    watch = watching(Sqs([]), exports, lambda _: True)
    assert await poll(watch, Received((file,), clock.time())) == NONE
    clock.now += 2 * EVENT_DELAY_S  # the task writes nothing for a while, and then ends
    assert await poll(watch) == NONE
    tasks.code = ["COMPLETED"]
    clock.now += TASKS_EVERY_S
    assert await poll(watch) == NONE
    clock.now += EVENT_DELAY_S
    assert await poll(watch) == NEWEST
