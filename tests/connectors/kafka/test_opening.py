"""Slots that open together: if one cannot be opened, no other one is opened later."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from connectors.kafka.ownership import Ownership
from connectors.kafka.slots import Slot
from connectors.settings import Common


async def test_no_slot_is_opened_after_another_one_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fence the slot that is opened again, and its producer would never be stopped."""
    opened, may_open = [], asyncio.Event()

    async def open_or_fail(slot: Slot) -> None:
        if slot.partition == 0:
            raise KafkaConnectionError("the broker went away")
        await may_open.wait()
        opened.append(slot.partition)

    monkeypatch.setattr(Slot, "open", open_or_fail)
    ownership: Ownership[None] = Ownership(  # type: ignore[type-var]
        Common(slots=2), "firehose", lambda _: None, lambda _: None
    )
    await ownership.on_partitions_assigned([TopicPartition("positions", slot) for slot in (0, 1)])
    may_open.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert opened == []
