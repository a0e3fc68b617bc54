"""Hours and a week of backlog in S3, through the worker's hops, with default settings: 0 late, all exact."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectS3, Work
from emulator.ledger.ledger import Ledger, compare
from streams.replay.observer import Observer
from tests.acceptance.working import working
from tests.connectors.s3.discovery.test_notifications import event
from tests.connectors.s3.scene import Scene, connecting, packed
from tests.emulator.flowlogs.account import REGION

pytestmark = [pytest.mark.kafka, pytest.mark.moto, pytest.mark.process, pytest.mark.bulk]

SLOTS = 8  # the default of VPCFLOW_SLOTS
HOURS, MINUTE_S, FILE_S = 6, 60, 300
LATENESS_S = 600  # the default of VPCFLOW_LATENESS_S
INTERFACES = 6
LINES_A_MINUTE = 3
READ_S, FINAL_S = 200.0, 60.0
EXPORTED_MAX = 10_000  # events of one log stream that moto's export contains; it drops the others
WEEK_H, EXPORTED_EVERY_S = 7 * 24, 600


class Backlog:
    """Flow logs of some hours up to now, and the ledger of their lines."""

    def __init__(self, scene: Scene, hours: int = HOURS) -> None:
        self.scene, self.ledger = scene, Ledger()
        self.end = int(time.time()) // FILE_S * FILE_S - FILE_S
        self.begin = self.end - hours * 3600
        self.newest = 0

    def lines(self, interface: int, starts: Iterable[int], *, each: int = LINES_A_MINUTE) -> list[str]:
        """Return `each` lines of an interface for each `start`, and add them to the ledger."""
        eni = f"eni-0{interface:016x}"
        starts = [start for start in starts for _ in range(each)]
        count, self.newest = len(starts), max(self.newest, *starts)
        self.ledger.add_columns(
            pl.DataFrame(
                {
                    "eni": [eni] * count,
                    "action": ["ACCEPT"] * count,
                    "packets": [3] * count,
                    "bytes": [180] * count,
                    "start": starts,
                    "end": [start + 40 for start in starts],
                }
            )
        )
        head = f"2 123456789012 {eni} 10.8.0.4 10.8.0.9 41000 443 6 3 180"
        return [f"{head} {start} {start + 40} ACCEPT OK" for start in starts]

    def export(self, *, every_s: int, each: int) -> None:
        """Export a log stream for each interface, with `each` lines every so many seconds, to the bucket."""
        logs = self.scene.account.client("logs")
        logs.create_log_group(logGroupName="flows")
        for nth in range(INTERFACES):
            name = f"eni-{nth}-all"
            logs.create_log_stream(logGroupName="flows", logStreamName=name)
            lines = self.lines(nth, range(self.begin, self.end, every_s), each=each)
            assert len(lines) <= EXPORTED_MAX
            events = [{"timestamp": int(line.split()[10]) * 1000, "message": line} for line in lines]
            logs.put_log_events(logGroupName="flows", logStreamName=name, logEvents=events)
        logs.create_export_task(
            logGroupName="flows",
            fromTime=self.begin * 1000,
            to=self.end * 1000,
            destination=self.scene.bucket,
            destinationPrefix="exportedlogs",
        )

    def write(self) -> list[str]:
        """Write files of five minutes, one for each interface; return their notifications, in order."""
        bodies = []
        for file_s in range(self.begin, self.end, FILE_S):
            at = datetime.fromtimestamp(file_s, UTC)
            for nth in range(INTERFACES):
                name = f"123456789012_vpcflowlogs_{REGION}_fl-{nth}_{at:%Y%m%dT%H%M}Z_0a1b2c3d.log.gz"
                key = f"AWSLogs/123456789012/vpcflowlogs/{REGION}/{at:%Y/%m/%d}/{name}"
                etag = self.scene.put(key, packed(self.lines(nth, range(file_s, file_s + FILE_S, MINUTE_S))))
                body = json.dumps(event(key, bucket=self.scene.bucket))
                bodies.append(body.replace('"e1"', json.dumps(etag.strip('"'))))
        return bodies

    async def is_exact(self, observer: Observer) -> None:
        """Wait until all lines are counted and all old windows final; they equal the ledger."""
        await _until(lambda: observer.flows + sum(observer.dead.values()) >= self.ledger.lines, READ_S)
        report = compare(self.ledger, observer.aggregates)
        assert (dict(observer.dead), report.lost, report.twice, report.differing) == ({}, 0, 0, 0)
        await _until(lambda: not self.not_final(observer), FINAL_S)

    def not_final(self, observer: Observer) -> int:
        """Return how many windows are older than the lateness and not final."""
        return sum(
            not seen.is_final and key[2] + MINUTE_S <= self.newest - LATENESS_S
            for key, seen in observer.aggregates.items()
        )


async def _until(is_so: Callable[[], bool], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - the observer has no event
            await asyncio.sleep(0.1)


@pytest.fixture
async def backlog(scene: Scene) -> Backlog:
    await ensure_topics(KafkaConnection(scene.kafka), scene.prefix, SLOTS)
    return Backlog(scene)


@asynccontextmanager
async def observing(backlog: Backlog, folder: Path) -> AsyncIterator[Observer]:
    """Run a worker, and read what it publishes."""
    scene, observer = backlog.scene, Observer()
    async with working(Work(kafka=scene.kafka, prefix=scene.prefix), folder):
        following = asyncio.ensure_future(observer.follow(KafkaConnection(scene.kafka), scene.prefix, SLOTS))
        try:
            yield observer
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def settings(scene: Scene, **more: str) -> ConnectS3:
    """Return default settings, but for where things are."""
    return ConnectS3(kafka=scene.kafka, prefix=scene.prefix, s3_bucket=scene.bucket, **more)


@pytest.mark.load
async def test_a_backlog_that_is_listed_is_exact(backlog: Backlog, tmp_path: Path) -> None:
    await asyncio.to_thread(backlog.write)
    async with observing(backlog, tmp_path) as observer, connecting(settings(backlog.scene)):
        await backlog.is_exact(observer)


@pytest.mark.parametrize(
    ("order", "instances"),
    [
        pytest.param("in order", 1, marks=pytest.mark.load),
        ("random", 1),
        pytest.param("random", 2, marks=pytest.mark.load),
    ],
    ids=str,
)
async def test_a_backlog_in_a_queue_is_exact(
    backlog: Backlog, tmp_path: Path, order: str, instances: int
) -> None:
    """A field case: six hours of objects of five minutes each, their messages in random order."""
    scene = backlog.scene
    url = scene.queue(told=False)
    bodies = await asyncio.to_thread(backlog.write)
    if order == "random":
        random.Random(instances).shuffle(bodies)
    for begin in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[begin : begin + 10])]
        await asyncio.to_thread(scene.sqs.send_message_batch, QueueUrl=url, Entries=entries)
    async with AsyncExitStack() as stack:
        observer = await stack.enter_async_context(observing(backlog, tmp_path))
        for _ in range(instances):
            await stack.enter_async_context(connecting(settings(scene, s3_queue=url)))
        await backlog.is_exact(observer)


@pytest.mark.load
async def test_a_weeks_export_is_exact_though_one_interface_comes_after_the_other(
    backlog: Backlog, tmp_path: Path
) -> None:
    """Each file has the week of one interface; none is late, as the export holds the watermark."""
    exported = Backlog(backlog.scene, WEEK_H)
    await asyncio.to_thread(exported.export, every_s=EXPORTED_EVERY_S, each=LINES_A_MINUTE)
    exports = settings(backlog.scene, s3_exports="exportedlogs", account="123456789012")
    async with observing(backlog, tmp_path) as observer, connecting(exports):
        await exported.is_exact(observer)
        final = {key[2] for key, seen in observer.aggregates.items() if seen.is_final}
        assert final >= set(range(exported.begin, exported.newest - LATENESS_S, EXPORTED_EVERY_S))
