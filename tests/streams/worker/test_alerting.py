"""The three hops on a real Kafka: lines in, alerts out, while their window is open and after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import Work
from streams.numbering import Input
from streams.records import Alert, decode_alert
from streams.worker.detect import DetectHop
from streams.worker.hops import Hop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import ENI, block, decode_aggregate, line

pytestmark = pytest.mark.kafka

Reader = Callable[[str], Awaitable[list[Any]]]
T0 = 1_767_225_600
SCANNER = "198.51.100.77"


class Bench:
    """The hops of one slot, driven by hand: what a hop wrote is read from Kafka and offered to the next."""

    def __init__(self, kafka: str, prefix: str, committed: Reader) -> None:
        self.settings = Work(kafka=kafka, prefix=prefix, slots=1)
        self._committed, self._now = committed, 1.0
        self._hops: list[Hop] = []
        self._blocks: list[Input] = []

    async def open(self) -> None:
        """Open the hops, or open them anew as after a crash."""
        self._hops = [SumHop(self.settings, 0), MergeHop(self.settings, 0), DetectHop(self.settings, 0)]
        for hop in self._hops:
            await hop.open(self._now)

    async def close(self) -> None:
        for hop in self._hops:
            await hop.slot.close()

    async def send(self, *lines: bytes, start: int) -> None:
        """Send a block whose watermark is at `start`, and let every hop do what it has to."""
        headers = {
            "number": len(self._blocks),
            "arrival_ms": start * 1000,
            "watermark": start,
            "caught_up": 0,
            "format": log_format(DEFAULT_FORMAT),
        }
        encoded = {name: str(value).encode() for name, value in headers.items()}
        self._blocks.append(Input(len(self._blocks), encoded, block(*lines)))
        read = self._blocks
        for hop in self._hops:
            read = read if hop.input == "blocks" else await self._read(hop.input)
            for message in read:
                assert hop.offer(message, self._now) is None
            await hop.flush(self._now)
        self._now += 10

    async def _read(self, topic: str) -> list[Input]:
        found = await self._committed(f"{self.settings.prefix}{topic}")
        return [Input(one.offset, dict(one.headers), one.value or b"") for one in found]

    async def alerts(self) -> list[tuple[Alert | None, bytes]]:
        """Return what was published, with its key; None for a tombstone."""
        found = await self._committed(f"{self.settings.prefix}alerts")
        return [(decode_alert(one.value) if one.value else None, one.key) for one in found]


@pytest.fixture
async def bench(kafka: str, prefix: str, committed: Reader) -> Any:
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    made = Bench(kafka, prefix, committed)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def flows(start: int, accepted: int, rejected: int) -> list[bytes]:
    """Return the lines of a window; the rejected ones are many clients' at one port."""
    ok = [line(start=start, end=start + 9, srcport=1024 + n) for n in range(accepted)]
    no = [
        line(start=start, end=start, srcaddr=f"10.9.{n >> 8}.{n & 255}", dstport=5432, action="REJECT")
        for n in range(rejected)
    ]
    return ok + no


def scan(start: int, first: int, ports: int) -> list[bytes]:
    """Return the lines of a scan of consecutive ports."""
    return [
        line(start=start, end=start, srcaddr=SCANNER, dstport=first + n, action="REJECT")
        for n in range(ports)
    ]


async def test_a_rule_that_only_grows_fires_on_an_open_window_at_once(
    bench: Bench, committed: Reader
) -> None:
    """Half a minute into the window, and not again when there is more, when it is final, or after a crash."""
    await bench.send(*flows(T0, 5, 0), *scan(T0 + 20, 1, 100), start=T0 + 30)
    ((alert, key),) = await bench.alerts()
    assert alert is not None
    assert (alert.rule, alert.status, alert.labels) == ("port_scan", "firing", {"eni": ENI})
    assert key == alert.fingerprint.encode()
    assert alert.value == pytest.approx(100, rel=0.2)
    aggregates = [decode_aggregate(m.value) for m in await committed(f"{bench.settings.prefix}aggregates")]
    assert {a.final for a in aggregates} == {False}
    await bench.close()
    await bench.open()
    await bench.send(*scan(T0 + 40, 101, 200), start=T0 + 50)
    for minute in range(1, 3):
        await bench.send(*flows(T0 + 60 * minute, 40, 0), start=T0 + 60 * minute)
    assert len(await bench.alerts()) == 1
    await bench.send(start=T0 + 180 + bench.settings.lateness_s)
    (_, (resolved, _)) = await bench.alerts()
    assert resolved is not None
    assert (resolved.status, resolved.starts_at, resolved.ends_at) == ("resolved", T0, T0 + 60)
    assert resolved.value == pytest.approx(300, rel=0.2)


async def test_a_rule_that_compares_waits_for_final_windows_and_for_what_is_usual(bench: Bench) -> None:
    """Eleven usual windows, a single bad one, and then four of them; with a crash in the middle."""
    bad = {12, 16, 17, 18, 19}
    for minute in range(20):
        rejected = 200 if minute in bad else 2
        await bench.send(*flows(T0 + 60 * minute, 40, rejected), start=T0 + 60 * minute)
        if minute == 14:
            await bench.close()
            await bench.open()
    assert await bench.alerts() == []
    await bench.send(start=T0 + 60 * 20 + bench.settings.lateness_s)
    told = [(alert.status, alert.starts_at) if alert else None for alert, _ in await bench.alerts()]
    assert told == [("pending", T0 + 60 * 12), None, ("pending", T0 + 60 * 16), ("firing", T0 + 60 * 16)]
