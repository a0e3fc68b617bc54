"""The feed on a real Kafka: where it begins, how soon it is ready, and the progress of slots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.progress import PROGRESS_KEY, SlotProgress
from streams.web import starts
from tests.streams.web.feeding import Template, Written, aggregate, feeding, is_read, shown, write

pytestmark = pytest.mark.kafka
READY_S = 5.0
LAST_MONTH = 1_700_000_040
HOUR_S = 3600


async def test_the_last_three_hours_are_read_whatever_their_event_times(kafka: str, prefix: str) -> None:
    """A history of last month that is replayed now is shown, and what was written earlier is not read."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    ages = (40 * HOUR_S, 4 * HOUR_S, 2.9 * HOUR_S, HOUR_S, 60)
    for partition in (0, 1):
        rows = [(age, *aggregate(f"eni-{partition}", LAST_MONTH + n * 60)) for n, age in enumerate(ages)]
        await write(kafka, prefix + "aggregates", partition, rows)
    async with feeding(kafka, prefix, is_read) as board:
        assert [window.start for window in board.history.windows()] == [
            LAST_MONTH + number * 60 for number in (2, 3, 4)
        ]
        assert board.messages["aggregates"] == 6, "each message is read once"


async def test_a_page_started_in_a_pause_shows_the_last_three_hours_before_it(
    kafka: str, prefix: str
) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    ages = (40 * HOUR_S, 12 * HOUR_S, 10.5 * HOUR_S, 10 * HOUR_S)
    rows = [(age, *aggregate("eni-0", LAST_MONTH + number * 60)) for number, age in enumerate(ages)]
    await write(kafka, prefix + "aggregates", 1, rows)
    async with feeding(kafka, prefix, is_read) as board:
        assert len(board.history) == 3
        assert board.last_message_at == pytest.approx(time.time() - 10 * HOUR_S, abs=60)


async def test_ready_within_five_seconds_with_2000_interfaces(kafka: str, prefix: str) -> None:
    """Three hours of windows, each written twice, and a day before them; then the history is whole."""
    await ensure_topics(KafkaConnection(kafka), prefix, 8)
    first = int(time.time()) // 60 * 60 - 180 * 60

    revisions = Template(1), Template(2, final=True)

    def rows(partition: int) -> Iterable[Written]:
        enis = [b"eni-%017x" % number for number in range(partition, 2000, 8)]
        for hour in range(24):
            for eni in enis:
                yield (27 - hour) * HOUR_S - 1, *revisions[0].of(eni, first - (24 - hour) * HOUR_S)
        for window in range(180):
            age_s = max((180 - window) * 60 - 120, 0)
            for revision in revisions:
                for eni in enis:
                    yield age_s, *revision.of(eni, first + window * 60)

    topic = prefix + "aggregates"
    await asyncio.gather(*(write(kafka, topic, partition, rows(partition)) for partition in range(8)))
    began = time.monotonic()
    async with feeding(kafka, prefix, lambda board: board.is_caught_up) as board:
        assert time.monotonic() - began < READY_S
        newest = board.history.windows()[-1]
        assert (newest.start, newest.totals[0][0], newest.is_final) == (first + 179 * 60, 2000, True)
        await shown(board, is_read)
        recent = board.history.windows()[-177:]  # those before were written more than three hours ago
        assert all(window.totals[0][0] == 2000 and window.is_final for window in recent)
        assert board.history.enis == 2000


async def test_the_progress_of_each_slot_is_found_near_the_end_and_followed(kafka: str, prefix: str) -> None:
    """Also behind many positions that were committed after it; a slot without a report is missing."""
    await ensure_topics(KafkaConnection(kafka), prefix, 3)
    many = starts.POSITIONS_BACK + 500
    for slot, behind in ((0, 3), (1, many)):
        progress = SlotProgress((), 1, 1000 + slot, 1000 + slot, int(time.time() * 1000))
        rows = [(0.0, b"shard-%d" % number, b"{}") for number in range(many)]
        rows.insert(many - behind, (0.0, PROGRESS_KEY, progress.encode()))
        await write(kafka, prefix + "positions", slot, rows)
    async with feeding(kafka, prefix, lambda board: len(board.progress.slots) == 2) as board:
        assert {slot: one.newest for slot, one in board.progress.slots.items()} == {0: 1000, 1: 1001}
        assert board.progress.held(time.time())[0].text == "slot 2: no connector yet"
        found = SlotProgress((), 0, 1002, 1002, int(time.time() * 1000)).encode()
        await write(kafka, prefix + "positions", 2, [(0.0, PROGRESS_KEY, found), (0.0, b"shard-9", b"{}")])
        await shown(board, lambda board: board.progress.complete_to == 1000)
        assert board.foreign == {}
