"""`connect kinesis` reads LocalStack's streams: every line once, through resharding and `kill -9`."""

from __future__ import annotations

import pytest

from tests.connectors.arrived import Seen
from tests.connectors.localstack.site import Site, kill
from tests.connectors.localstack.stream import created, feeding, ids

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]


def read_from(seen: Seen) -> set[str]:
    """Return the shards that blocks came from."""
    return {block["source"].rpartition("/")[2] for block in seen.blocks}


async def test_lines_and_envelopes_come_once_through_a_split_a_kill_and_a_merge(site: Site) -> None:
    """Found by LOCALSTACK_HOST; records go on coming all the time, also while nobody reads."""
    stream, until = await created(site), site.topics.until
    first = ids(await stream.open_shards())
    async with site.connecting("kinesis", site.by_host, stream=stream.name) as connector:
        async with feeding(stream):
            await until(lambda seen: read_from(seen) == first)
            children = await stream.split()
            await until(lambda seen: read_from(seen) >= children)
            await kill(connector)
            await stream.more(calls=10)
            await connector.start()
            merged = await stream.merge()
            await until(lambda seen: read_from(seen) >= merged)
        await site.topics.until_lines(stream.lines)
    seen = await site.topics.until_lines(stream.lines)
    assert not seen.dead
    assert read_from(seen) == first | children | merged
    assert (len(first), len(children), len(merged)) == (2, 2, 1)
