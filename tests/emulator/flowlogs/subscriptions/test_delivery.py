"""Events on their way to a destination that is slow, full or gone: none comes twice, the lost are counted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import cast

import orjson
import pytest
from structlog.testing import capture_logs

from connectors.formats.envelope import unwrap
from emulator.flowlogs.service_client import ServiceClient
from emulator.flowlogs.subscriptions.delivery import ATTEMPTS, EVENTS_PER_ENVELOPE, SubscriptionDelivery
from emulator.flowlogs.subscriptions.filters import SubscriptionDestination, SubscriptionFilter
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.call import Call
from emulator.kinesis.limits import Throttle, ThrottleLimits
from emulator.kinesis.operations.create_stream import create_stream
from emulator.kinesis.protocol import cbor
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

SCOPE = Scope("111111111111", "eu-west-1")
START_MS = 1_700_000_000_000
FIREHOSE = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/d"
LINES = [(START_MS, f"{number}") for number in range(3 * EVENTS_PER_ENVELOPE)]


async def nobody(_: Incoming) -> Outgoing:
    return Outgoing(400, {}, b'{"message":"nobody"}')


def carrier(store: Store, clock: Callable[[], int], firehose: Service = nobody) -> SubscriptionDelivery:
    return SubscriptionDelivery(store, ServiceClient(nobody, firehose), clock, pause_s=0.0)


def subscription(arn: str) -> SubscriptionFilter:
    destination = SubscriptionDestination.read(arn)
    assert destination is not None
    return SubscriptionFilter(SCOPE, "g", "f", "", None, destination, "role", "ByLogStream", START_MS)


def store_with_stream() -> Store:
    store = Store(StoreLimits(transition_ms=0))
    create_stream(Call(store, SCOPE, {"StreamName": "s", "ShardCount": 1}, START_MS))
    return store


def lines_in(store: Store) -> list[str]:
    (stream,) = store.all_streams(START_MS)
    texts = stream.shards[0].read(0, 1000, 1 << 30, START_MS).texts
    records = [cast("dict[str, bytes]", cbor.loads(text)) for text in texts]
    return b"\n".join(unwrap(one["Data"]).lines for one in records).decode().splitlines()


async def test_what_is_throttled_is_put_again_and_only_that() -> None:
    store, seconds = store_with_stream(), count(START_MS, 1000)
    store.throttle = Throttle(ThrottleLimits(write_records_per_s=1))
    delivered, one = carrier(store, lambda: next(seconds)), subscription(SCOPE.stream_arn("s"))
    await delivered.deliver(one, "eni-1-all", delivered.events(LINES))
    assert lines_in(store) == [text for _, text in LINES]
    assert (one.delivered.events, one.delivered.lost, one.delivered.failure) == (len(LINES), 0, "")


async def test_what_stays_throttled_is_given_up_and_counted() -> None:
    store = store_with_stream()
    store.throttle = Throttle(ThrottleLimits(write_records_per_s=1))
    delivered, one = carrier(store, lambda: START_MS), subscription(SCOPE.stream_arn("s"))
    with capture_logs() as said:
        for _ in range(2):
            await delivered.deliver(one, "eni-1-all", delivered.events(LINES))
    assert [line["reason"] for line in said] == ["the destination is full"]
    assert one.delivered.lost == 2 * len(LINES)


async def test_firehose_that_says_slow_down_is_asked_again() -> None:
    asked: list[int] = []

    async def slow(request: Incoming) -> Outgoing:
        asked.append(len(orjson.loads(request.body)["Records"]))
        return Outgoing(200 if len(asked) > 2 else 503, {}, b"{}")

    delivered, one = carrier(Store(), lambda: START_MS, slow), subscription(FIREHOSE)
    await delivered.deliver(one, "eni-1-all", delivered.events(LINES))
    assert (asked, one.delivered.events) == ([3, 3, 3], len(LINES))


async def test_firehose_that_stays_full_is_asked_so_often_and_one_that_is_gone_once() -> None:
    answers = {"full": Outgoing(503, {}, b"{}"), "gone": Outgoing(400, {}, b'{"message":"not found"}')}
    for name, calls in (("full", ATTEMPTS), ("gone", 1)):
        asked: list[str] = []

        async def refusing(_: Incoming, name: str = name, asked: list[str] = asked) -> Outgoing:
            asked.append(name)
            return answers[name]

        delivered, one = carrier(Store(), lambda: START_MS, refusing), subscription(FIREHOSE)
        await delivered.deliver(one, "eni-1-all", delivered.events(LINES))
        assert (len(asked), one.delivered.lost) == (calls, len(LINES))


@pytest.mark.bulk
async def test_a_call_of_firehose_is_no_larger_than_it_may_be() -> None:
    sizes: list[tuple[int, int]] = []

    async def taking(request: Incoming) -> Outgoing:
        sizes.append((len(orjson.loads(request.body)["Records"]), len(request.body)))
        return Outgoing(200, {}, b"{}")

    delivered, one = carrier(Store(), lambda: START_MS, taking), subscription(FIREHOSE)
    # Two million digits of hashes to a line: each is a record of nearly its largest size.
    lines = [
        (START_MS, "".join(f"{hash((n, k)) & (1 << 60) - 1:015x}" for k in range(100_000))) for n in range(6)
    ]
    await delivered.deliver(one, "eni-1-all", delivered.events(lines))
    assert sum(records for records, _ in sizes) == 6
    assert len(sizes) > 1
    assert all(body < 6 << 20 for _, body in sizes)  # 4 MiB, in base64


async def test_ids_grow_from_one_run_to_the_next() -> None:
    first, later = carrier(Store(), lambda: START_MS), carrier(Store(), lambda: START_MS + 1)
    ids = [event[0] for event in [*first.events(LINES), *later.events(LINES)]]
    assert ids == sorted(set(ids))
