"""Many clients on one stream while it is resharded; `make bench-emulator` does this for a minute."""

from __future__ import annotations

import asyncio

import pytest

from emulator import server
from tests.emulator import crowd

SECONDS = 3.0


@pytest.mark.load
async def test_every_record_is_read_once_and_in_order_while_shards_split_and_merge() -> None:
    async with server.emulator() as url:
        account = await asyncio.to_thread(crowd.run, url, SECONDS)
    assert account.is_right, (account.errors, account.missing, account.twice, account.out_of_order)
    assert account.records > 500
    assert account.splits
    assert account.merges
