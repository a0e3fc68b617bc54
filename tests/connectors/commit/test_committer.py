"""The committer of a slot: shared transactions, bounded queue, outcomes, progress, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.commit import committer as module
from connectors.commit.committer import COMMIT_BYTES, Committer
from connectors.commit.content import Content
from connectors.kafka.messages import Message
from connectors.kafka.slots import SlotLost
from connectors.progress import NONE, PROGRESS_KEY, Group, SlotProgress
from tests.streams.worker.kept import KeptSlot

SAID = Message("vpcflow.health", 0, b"k", b"v")


class Handler:
    """A source whose batches are names; a name in lower case has nothing to write."""

    def __init__(self, progress: SlotProgress | None = None) -> None:
        self.taken: list[list[str]] = []
        self.released: list[str] = []
        self.at = progress

    async def content(self, batches: Sequence[str]) -> Content:
        self.taken.append(list(batches))
        return Content(state={name.encode(): b"1" for name in batches if name.isupper()})

    def progress(self) -> SlotProgress | None:
        return self.at

    async def committed(self, batches: Sequence[str]) -> None:
        self.released += batches


class HeldSlot(KeptSlot):
    """A slot whose transactions wait for a permit each, and fail if that is False."""

    def __init__(self) -> None:
        super().__init__({})
        self.permits: asyncio.Queue[bool] = asyncio.Queue()
        self.commits: list[list[str]] = []

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        self.commits.append([key.decode() for key in state if len(key) == 1])
        if not await self.permits.get():
            raise SlotLost("fenced")
        await super().commit(state, messages)


def started(slot: KeptSlot, handler: Handler, queue_max: int = 0) -> Committer[str]:
    committer = Committer[str](slot, "vpcflow.", Group(1), handler, queue_max=queue_max)
    committer.start()
    return committer


async def until_held(slot: HeldSlot, commits: int) -> None:
    async with asyncio.timeout(10):
        while len(slot.commits) < commits:  # noqa: ASYNC110 - the slot has no event
            await asyncio.sleep(0)


async def test_batches_that_arrive_during_a_transaction_share_the_next() -> None:
    slot, handler = HeldSlot(), Handler()
    committer = started(slot, handler)
    first = committer.add("A", 1)
    await until_held(slot, 1)
    others = [committer.add(name, 1) for name in "BC"]
    said = committer.send(SAID)
    assert (committer.queued, committer.queued_bytes, committer.uncommitted_bytes) == (3, 2, 3)
    assert committer.busy_s() > 0
    for _ in range(2):
        slot.permits.put_nowait(True)
    assert await asyncio.gather(first, *others, said) == [True] * 4
    assert slot.commits == [["A"], ["B", "C"]]
    assert slot.messages("health") == [SAID]
    assert (committer.busy_s(), committer.uncommitted, committer.uncommitted_bytes) == (0, 0, 0)
    assert handler.released == ["A", "B", "C"]
    await committer.close()


async def test_a_transaction_takes_no_more_batches_above_its_size() -> None:
    slot, handler = KeptSlot({}), Handler()
    committer = started(slot, handler)
    outcomes = [committer.add(name, COMMIT_BYTES // 2) for name in "ABC"]
    assert await asyncio.gather(*outcomes) == [True] * 3
    assert handler.taken == [["A", "B"], ["C"]]
    await committer.close()


async def test_put_waits_while_the_queue_is_full() -> None:
    slot, handler = HeldSlot(), Handler()
    committer = started(slot, handler, queue_max=1)
    await committer.put("A", 1)
    await until_held(slot, 1)
    await committer.put("B", 1)
    waiting = asyncio.ensure_future(committer.put("C", 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert committer.uncommitted_bytes == 3
    slot.permits.put_nowait(True)
    await waiting
    await committer.close()


async def test_a_put_that_is_cancelled_leaves_nothing() -> None:
    slot = HeldSlot()
    committer = started(slot, Handler(), queue_max=1)
    await committer.put("A", 1)
    await until_held(slot, 1)
    await committer.put("B", 1)
    waiting = asyncio.ensure_future(committer.put("C", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (committer.uncommitted, committer.uncommitted_bytes) == (2, 2)
    await committer.close()


async def test_every_batch_that_is_not_committed_has_the_outcome_false() -> None:
    """Those in the transaction that failed, and those behind it."""
    slot, handler = HeldSlot(), Handler()
    committer = started(slot, handler)
    failed = committer.add("A", 1)
    await until_held(slot, 1)
    behind = [committer.add("B", 1), committer.send(SAID)]
    slot.permits.put_nowait(False)
    with pytest.raises(SlotLost):
        await committer.task
    await committer.close()
    assert [await one for one in (failed, *behind)] == [False] * 3
    assert (handler.released, slot.kept, slot.sent) == ([], {}, [])


async def test_a_close_in_the_middle_of_a_transaction_does_not_wait_for_it() -> None:
    slot = HeldSlot()
    committer = started(slot, Handler())
    outcome = committer.add("A", 1)
    await until_held(slot, 1)
    await committer.close()
    assert not await outcome


async def test_a_close_with_a_drain_commits_the_queue() -> None:
    slot, handler = KeptSlot({}), Handler()
    committer = started(slot, handler, queue_max=2)
    for name in "AB":
        await committer.put(name, 1)
    await committer.close(drain_s=10.0)
    assert {b"A", b"B"} <= slot.kept.keys()
    assert handler.released == ["A", "B"]


async def test_without_batches_the_progress_is_committed_at_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REPORT_S", 0.0)
    monkeypatch.setattr(module, "QUIET_REPORT_S", 0.0)
    slot, handler = KeptSlot({}), Handler(SlotProgress((), 1, 900, 900))
    committer = started(slot, handler)
    async with asyncio.timeout(10):
        while len(slot.messages("blocks")) < 3:  # noqa: ASYNC110 - the slot has no event
            await asyncio.sleep(0)
    await committer.close()
    assert {dict(message.headers)["watermark"] for message in slot.messages("blocks")} == {b"900"}
    assert PROGRESS_KEY in slot.kept


async def test_equal_progress_is_committed_once_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_S", 0.0)
    slot, handler = KeptSlot({}), Handler(SlotProgress((), 1, 900, 900, reported_ms=1))
    committer = started(slot, handler)
    for at_ms in range(2, 40):
        await asyncio.sleep(0)
        handler.at = SlotProgress((), 1, 900, 900, reported_ms=at_ms)
    assert [dict(message.headers)["watermark"] for message in slot.messages("blocks")] == [b"900"]
    handler.at = SlotProgress((), 1, 960, 960, reported_ms=40)
    async with asyncio.timeout(10):
        while len(slot.messages("blocks")) < 2:  # noqa: ASYNC110 - the slot has no event
            await asyncio.sleep(0)
    await committer.close()
    assert dict(slot.messages("blocks")[-1].headers)["watermark"] == b"960"


async def test_a_slot_that_must_not_report_commits_its_batches_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REPORT_S", 0.0)
    slot = KeptSlot({})
    committer = started(slot, Handler(progress=None))
    for _ in range(20):
        await asyncio.sleep(0)
    assert slot.sent == []
    assert await committer.add("A", 1)
    await committer.close()
    assert PROGRESS_KEY not in slot.kept
    assert slot.messages("blocks") == []


async def test_batches_without_content_make_no_transaction_before_a_report_is_due() -> None:
    slot, handler = KeptSlot({}), Handler(SlotProgress((), 1, NONE, NONE))
    committer = started(slot, handler)
    assert await committer.add("a", 0)
    assert (handler.taken, handler.released, slot.kept) == ([["a"]], ["a"], {})
    await committer.close()


@given(st.lists(st.tuples(st.sampled_from("ABCabc"), st.sampled_from([0, 1, COMMIT_BYTES]), st.booleans())))
def test_every_batch_is_taken_and_released_once_in_order(entries: list[tuple[str, int, bool]]) -> None:
    async def play() -> tuple[Handler, Committer[str]]:
        handler = Handler()
        committer = started(KeptSlot({}), handler, queue_max=3)
        for name, size, yields in entries:
            await committer.put(name, size)
            if yields:
                await asyncio.sleep(0)
        await committer.close(drain_s=10.0)
        return handler, committer

    handler, committer = asyncio.run(play())
    names = [name for name, _, _ in entries]
    assert [name for batches in handler.taken for name in batches] == names
    assert handler.released == names
    assert (committer.uncommitted, committer.uncommitted_bytes, committer.queued_bytes) == (0, 0, 0)
