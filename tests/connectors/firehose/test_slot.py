"""The queue of a slot: bounded, each request in it once, nobody left waiting when the slot is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from connectors import metrics
from connectors.commit import committer
from connectors.firehose.body import Posted, RequestChunk
from connectors.firehose.committed_requests import known
from connectors.firehose.headers import Origin
from connectors.firehose.slot import QUEUED_MAX_BYTES, QUEUED_MAX_REQUESTS, RequestSlot
from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot, SlotLost
from connectors.progress import PROGRESS_KEY, Group, SlotProgress, decode_progress

ORIGIN = Origin("flows", "default", "", "")
LOGS = Origin("flows", log_format(DEFAULT_FORMAT), "", "")


def request(name: str, size: int = 1) -> Posted:
    return Posted(name, ORIGIN, 1, (RequestChunk(b"2", name, name, ORIGIN),), (), 1, 0, size)


def slot() -> RequestSlot:
    """Return the queue of a slot that was never opened: the first commit finds it lost."""
    return RequestSlot(Slot("127.0.0.1:1", "positions", 0, "connect-0"), "vpcflow.", Group(1))


async def test_a_full_queue_takes_no_more() -> None:
    one = slot()
    outcomes = [one.offer(request(str(n))) for n in range(QUEUED_MAX_REQUESTS + 1)]
    assert outcomes[-1] is None
    assert None not in outcomes[:-1]
    await one.close()


@pytest.mark.parametrize(
    ("sizes", "are_taken"),
    [
        ([QUEUED_MAX_BYTES, 1], [True, False]),
        ([QUEUED_MAX_BYTES - 1, 1, 1], [True, True, False]),
        ([4 * QUEUED_MAX_BYTES, 1], [True, False]),
        ([1, 4 * QUEUED_MAX_BYTES, 1], [True, False, True]),
    ],
)
async def test_the_queue_is_bounded_in_bytes_and_takes_one_large_request(
    sizes: list[int], are_taken: list[bool]
) -> None:
    one = slot()
    outcomes = [one.offer(request(str(n), size)) for n, size in enumerate(sizes)]
    assert [outcome is not None for outcome in outcomes] == are_taken
    await one.close()


async def test_a_request_that_is_under_way_is_known() -> None:
    one = slot()
    outcome = one.offer(request("a"))
    assert one.pending("a") is outcome
    assert one.pending("b") is None
    await one.close()
    assert one.pending("a") is None


async def test_who_waits_when_the_slot_is_lost_is_told_to_come_again() -> None:
    """Those in the transaction that failed, and those behind it, when the slot is closed."""
    one = slot()
    outcomes = [one.offer(request(str(n), QUEUED_MAX_BYTES // 2)) for n in range(2)]
    (committing,) = one.tasks
    with pytest.raises(SlotLost):
        await committing
    assert one.offer(request("late")) is None
    await one.close()
    assert [await outcome for outcome in outcomes if outcome] == [False, False]


class HeldSlot(Slot):
    """A slot whose commits wait until they may go on, as when Kafka is slow; it keeps what was committed."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1", "positions", 0, "connect-0")
        self.go_on = asyncio.Semaphore(0)
        self.begun = asyncio.Event()
        self.commits: list[int] = []

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        self.begun.set()
        await self.go_on.acquire()
        self.commits.append(known({key: value for key, value in state.items() if value is not None}))


async def test_what_waits_during_a_commit_shares_the_next() -> None:
    held = HeldSlot()
    one = RequestSlot(held, "vpcflow.", Group(1))
    first = one.offer(request("a"))
    await held.begun.wait()
    others = [one.offer(request(name)) for name in "bcd"]
    assert one.busy_s() > 0
    for _ in range(2):
        held.go_on.release()
    assert [await outcome for outcome in (first, *others) if outcome] == [True] * 4
    assert held.commits == [1, 3]
    assert one.busy_s() == 0
    await one.close()


async def test_a_close_in_the_middle_of_a_commit_tells_to_come_again() -> None:
    held = HeldSlot()
    one = RequestSlot(held, "vpcflow.", Group(1))
    outcome = one.offer(request("a"))
    await held.begun.wait()
    await one.close()
    assert outcome is not None
    assert not await outcome


class KeptSlot(Slot):
    """A slot that keeps what was committed."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1", "positions", 0, "connect-0")
        self.reports: asyncio.Queue[tuple[SlotProgress, Message]] = asyncio.Queue()

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        value = state[PROGRESS_KEY]
        assert value is not None
        self.reports.put_nowait((decode_progress(value), messages[0]))


async def test_a_slot_without_requests_reports_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "REPORT_S", 0.0)
    kept, group = KeptSlot(), Group(2, {1: SlotProgress((), 1, 900, 900)})
    one = RequestSlot(kept, "vpcflow.", group)
    for number in range(2):
        progress, message = await kept.reports.get()
        assert (progress.sources, progress.caught_up_to, progress.newest) == ((), 900, -1)
        assert (message.value, dict(message.headers)["number"]) == (b"", b"%d" % number)
        assert dict(message.headers)["watermark"] == b"900"
    await one.close()


async def test_a_request_moves_the_watermark_and_a_late_one_is_measured() -> None:
    kept, group = KeptSlot(), Group(1)
    one = RequestSlot(kept, "vpcflow.", group)
    late = metrics.FIREHOSE_LATENESS._sum.get()
    for name, start in [("new", 1_700_009_000), ("old", 1_700_001_800)]:
        text = f"2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 {start} {start + 60} ACCEPT OK".encode()
        chunk = RequestChunk(text, name, name, LOGS)
        outcome = one.offer(Posted(name, LOGS, 1_700_010_000_000, (chunk,), (), 1, 0, len(text)))
        assert outcome is not None
        assert await outcome
    assert group.newest == 1_700_009_000
    assert group.slots[0].hold == 1_700_009_000
    assert metrics.FIREHOSE_LATENESS._sum.get() - late == 7200
    await one.close()
