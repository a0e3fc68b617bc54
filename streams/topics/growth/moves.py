"""The state of every hop after a growth, from the state before it. Pure.

`positions`: a shard, stream or object moves to its new slot. Marks of Firehose requests are hashes, so every
slot gets all of them, and recognises a repeated request. Until its connector reports, a slot holds the
watermark where the slowest slot held it.
`sum-state`: each partition gets the layout (`streams.layout`), and the outputs to new partitions begin.
`detect-state`, `alerts`: alerts and baselines move with their interface.
All other state stays, because a window never moves. Each state gets the new number as its contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from zlib import crc32

import orjson

from connectors.firehose.committed_requests import KEY_PREFIX as REQUESTS
from connectors.kafka.blocks import NUMBER_KEY
from connectors.kafka.messages import Message
from connectors.kafka.partitioner import slot_of
from connectors.progress import NONE, PROGRESS_KEY, SlotProgress, decode_progress
from streams.layout import LAYOUT_KEY, Layout

CONTRACT_KEY, SLOTS_SETTING, WINDOW_SETTING = b"contract", "VPCFLOW_SLOTS", "VPCFLOW_WINDOW_S"
POSITION_KEY = b"place"
SOURCE_KEY, PRUNED_KEY = b"source", b"objects-pruned"
MARGIN_S = 900
"""Event time after the newest line up to which windows may have rows: an interval of 600 s that is spread."""

Values = Mapping[bytes, bytes]
State = Mapping[int, Values]
"""The newest value of each key, by partition."""


def first_new_window(sums: State) -> int:
    """Return the first window of the new layout, epoch seconds: after every window that has rows.

    0 if there are no sums.
    """
    newest, window_s = 0, 1
    for values in sums.values():
        if POSITION_KEY in values:
            newest = max(newest, orjson.loads(values[POSITION_KEY])["newest"])
            window_s = max(window_s, orjson.loads(values[CONTRACT_KEY]).get(WINDOW_SETTING, 1))
    return (newest + MARGIN_S) // window_s * window_s + 2 * window_s if newest > 0 else 0


def contracts(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the contract of each partition of a state topic, with the new number of slots."""
    known = [orjson.loads(values[CONTRACT_KEY]) for values in state.values() if CONTRACT_KEY in values]
    if known:
        value = orjson.dumps({**known[0], SLOTS_SETTING: slots})
        yield from (Message(topic, partition, CONTRACT_KEY, value) for partition in range(slots))


def sums(topic: str, state: State, slots: int, until: int) -> Iterator[Message]:
    """Yield the layout of each partition, and the outputs of `sum` with those to new partitions."""
    old = len(state)
    for partition in range(slots):
        values = state.get(partition, {})
        layout = Layout.load(values.get(LAYOUT_KEY) or state[0].get(LAYOUT_KEY)).after(until, old)
        yield Message(topic, partition, LAYOUT_KEY, layout.encode())
        if POSITION_KEY in values:
            position = orjson.loads(values[POSITION_KEY])
            position["sent"] += [[-1, 0]] * (slots - old)
            yield Message(topic, partition, POSITION_KEY, orjson.dumps(position))


def positions(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the positions in their new slots, and the deletions in their old ones."""
    for slot, values in state.items():
        for key, value in values.items():
            name = _source_name(key)
            if name and (target := slot_of(name, slots)) != slot:
                yield Message(topic, target, key, value)
                yield Message(topic, slot, key, None)
    yield from _of_all_slots(topic, state, slots)
    yield from _requests(topic, state, slots)


def _source_name(key: bytes) -> str:
    """Return the name that determines the slot of a position; empty if the key is the slot's own."""
    kind, _, rest = key.decode().partition("|")
    if kind == "shard":
        return "/".join(rest.rsplit("|", 1))  # as `slot_of_shard`
    if kind == "stream":
        return rest
    if kind == "object":
        bucket, _, name = rest.partition("|")
        return f"{bucket}/{name.rpartition('|')[0]}"
    return ""


def _of_all_slots(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the keys that every slot has: its source, what S3 has forgotten, and its progress."""
    found = [values for values in state.values() if NUMBER_KEY in values or PROGRESS_KEY in values]
    sources = [values[SOURCE_KEY] for values in state.values() if SOURCE_KEY in values]
    pruned = [int(values[PRUNED_KEY]) for values in state.values() if PRUNED_KEY in values]
    reports = [decode_progress(values[PROGRESS_KEY]) for values in found if PROGRESS_KEY in values]
    held = min((one.hold for one in reports), default=NONE) if len(reports) == len(state) else NONE
    for slot in range(slots):
        if sources:
            yield Message(topic, slot, SOURCE_KEY, sources[0])
        if pruned:
            yield Message(topic, slot, PRUNED_KEY, b"%d" % max(pruned))
        if reports:
            known = state.get(slot, {}).get(PROGRESS_KEY)
            own = decode_progress(known) if known else SlotProgress()
            report = replace(own, sources=(), caught_up=0, caught_up_to=held)
            yield Message(topic, slot, PROGRESS_KEY, report.encode())


def _requests(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the packs of request marks of all slots for each slot, numbered by their time."""
    packs = sorted(
        value for values in state.values() for key, value in values.items() if key.startswith(REQUESTS)
    )  # A pack begins with its time, big-endian.
    for slot in range(slots if packs else 0):
        yield from (Message(topic, slot, REQUESTS + b"%d" % n, pack) for n, pack in enumerate(packs))


def detects(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the alerts and baselines of interfaces that move, and the state without them."""
    baselines: dict[tuple[int, bytes], dict[str, object]] = {}
    formats: dict[bytes, object] = {}
    for partition, values in state.items():
        for key, value in values.items():
            if key.startswith(b"life|"):
                target = partition_of(orjson.loads(value)["eni"], slots)
                if target != partition:
                    yield Message(topic, target, key, value)
                    yield Message(topic, partition, key, None)
            elif key.startswith(b"usual|"):
                document = orjson.loads(value)
                formats[key] = document["format"]
                baselines.setdefault((partition, key), {})
                for eni, numbers in document["interfaces"].items():
                    baselines.setdefault((partition_of(eni, slots), key), {})[eni] = numbers
    for (partition, key), interfaces in baselines.items():
        document = {"format": formats[key], "interfaces": interfaces}
        yield Message(topic, partition, key, orjson.dumps(document))


def alerts(topic: str, state: State, slots: int) -> Iterator[Message]:
    """Yield the newest transition of each alert in the partition of its interface."""
    for partition, values in state.items():
        for key, value in values.items():
            target = partition_of(orjson.loads(value)["labels"].get("eni", ""), slots)
            if target != partition:
                yield Message(topic, target, key, value)
                yield Message(topic, partition, key, None)


def partition_of(eni: str, slots: int) -> int:
    """Return the partition of an interface, as `sum` assigns it."""
    return crc32(eni.encode()) % slots
