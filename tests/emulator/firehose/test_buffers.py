"""The buffer: due by size, by time, by count; nothing lost or reordered in taking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.firehose.buffers import Buffer, BufferedRecord, Hints

HINTS = Hints(size_bytes=100, interval_ms=1000, most_records=5)


def record(size: int, at_ms: int = 0) -> BufferedRecord:
    return BufferedRecord(bytes(size), at_ms, at_ms, "id")


def test_it_is_due_when_the_oldest_has_waited_or_enough_is_there() -> None:
    buffer = Buffer()
    assert not buffer.is_due(HINTS, 10_000)
    buffer.add([record(40, at_ms=500)])
    assert not buffer.is_due(HINTS, 1499)
    assert buffer.is_due(HINTS, 1500)
    buffer.add([record(60, at_ms=500)])
    assert buffer.is_due(HINTS, 501)


def test_an_interval_of_nothing_is_due_at_once() -> None:
    buffer = Buffer()
    buffer.add([record(1, at_ms=7)])
    assert buffer.is_due(Hints(100, 0, 5), 7)


@given(st.lists(st.integers(0, 150), max_size=60))
def test_taking_keeps_order_and_bounds_and_loses_nothing(sizes: list[int]) -> None:
    buffer = Buffer()
    records = [record(size) for size in sizes]
    buffer.add(records)
    taken: list[BufferedRecord] = []
    while batch := buffer.take(HINTS):
        assert len(batch) <= HINTS.most_records
        assert len(batch) == 1 or sum(len(each.data) for each in batch) <= HINTS.size_bytes
        taken += batch
    assert [id(each) for each in taken] == [id(each) for each in records]
    assert buffer.bytes == 0
