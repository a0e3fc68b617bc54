"""State and messages of format 1, written by the version before (golden bytes): a newer process reads them.

`tests/data/format_1/golden.json` is what that version's hops committed for six dozen lines: 3 accepted flows
and 60 rejected ones on 60 ports in one window, 2 more flows 700 s later.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.messages import FORMAT, NewerFormat, check_format
from connectors.kinesis.positions import decode_beginning, decode_position
from connectors.progress import NONE
from connectors.settings import Work
from streams.numbering import Input, Output
from streams.records import decode_alert
from streams.worker.detect import DetectHop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import ENI, decode_aggregate, line
from tests.streams.worker.kept import KeptSlot

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data/format_1/golden.json").read_text())
SETTINGS = Work.model_validate({"slots": 1, "prefix": "vpcflow."})
AT = 1_700_000_000
WINDOW = AT // 60 * 60


def state(name: str) -> dict[bytes, bytes]:
    return {b64decode(key): b64decode(value) for key, value in GOLDEN[name].items()}


def messages(name: str, first_offset: int) -> list[Input]:
    return [
        Input(
            first_offset + 2 * at,
            {header: b64decode(value) for header, value in one["headers"]},
            b64decode(one["value"]),
        )
        for at, one in enumerate(GOLDEN[name])
    ]


def next_block(number: int, *lines: bytes, **headers: bytes) -> Input:
    counts = {"number": b"%d" % number, "counted_before": b"65", "count": b"%d" % len(lines)}
    where = {"format": b"default", "arrival_ms": b"%d" % ((AT + 900) * 1000)}
    return Input(99, {**counts, **where, **headers}, b"\n".join(lines))


async def test_sum_goes_on_from_state_of_format_1() -> None:
    hop = SumHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot(state("sum-state"))
    await hop.open(0.0)
    assert hop.next_offset == 13
    assert hop.offer(messages_of_blocks()[0], 1.0) is None  # applied before
    assert (
        hop.offer(next_block(2, line(start=AT + 800), watermark=b"1700000800", caught_up=b"1"), 1.0) is None
    )
    await hop.flush(1.0)
    (sent,) = slot.messages("partials")
    headers = dict(sent.headers)
    assert (headers["number"], headers["watermark"]) == (b"2", b"1700000800")


def messages_of_blocks() -> list[Input]:
    return [
        Input(one["offset"], {name: b64decode(value) for name, value in one["headers"]}, b"")
        for one in GOLDEN["blocks"]
    ]


async def test_merge_goes_on_from_state_of_format_1() -> None:
    hop = MergeHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot(state("merge-state"))
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("partials", 20)] == [None, None]  # applied before
    headers = {"producer": b"0", "newest_start": b"1700009000", "watermark": b"1700009000", "caught_up": b"0"}
    closing = Output(1, NONE).message("partials", 0, b"", 0, **headers, arrival_ms=b"0")
    assert hop.offer(Input(24, dict(closing.headers), b""), 2.0) is None
    await hop.flush(2.0)
    found = {
        (one.action, one.window_start): (one.flows, one.final)
        for one in (decode_aggregate(message.value or b"") for message in slot.messages("aggregates"))
    }
    assert found[("ACCEPT", (AT + 700) // 60 * 60)] == (2, True)


async def test_merge_reads_partials_of_format_1() -> None:
    hop = MergeHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot({})
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("partials", 20)] == [None, None]
    await hop.flush(1.0)
    flows = {
        (one.action, one.window_start): one.flows
        for one in (decode_aggregate(message.value or b"") for message in slot.messages("aggregates"))
    }
    assert flows == {
        ("ACCEPT", WINDOW): 3,
        ("REJECT", WINDOW): 60,
        ("ACCEPT", (AT + 700) // 60 * 60): 2,
    }


async def test_detect_goes_on_from_state_of_format_1() -> None:
    hop = DetectHop(SETTINGS, 0)
    hop.slot = KeptSlot(state("detect-state"))
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("finals", 30)] == [None]  # applied before
    assert hop.next_offset == 31


async def test_detect_reads_finals_of_format_1() -> None:
    hop = DetectHop(SETTINGS, 0)
    hop.slot = KeptSlot({})
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("finals", 30)] == [None]
    await hop.flush(1.0)


def test_alerts_of_format_1_are_read() -> None:
    (one,) = GOLDEN["alerts"]
    assert decode_alert(b64decode(one["value"])).labels == {"eni": ENI}


def test_positions_of_format_1_are_read() -> None:
    kept = state("positions")
    shard = next(value for key, value in kept.items() if key.startswith(b"shard|"))
    assert (decode_position(shard).sequence_number, decode_position(shard).newest) == ("49", NONE)
    stream = next(value for key, value in kept.items() if key.startswith(b"stream|"))
    assert decode_beginning(stream).shards == ()


@pytest.mark.parametrize("found", [1, FORMAT])
def test_formats_up_to_ours_are_read(found: int) -> None:
    headers = [("v", b"%d" % found)] if found > 1 else [("number", b"3")]
    assert check_format("vpcflow.blocks", headers) == found


def test_a_newer_format_stops_the_process() -> None:
    with pytest.raises(
        NewerFormat, match=rf"vpcflow\.blocks holds format {FORMAT + 1}.*upgrade this process"
    ):
        check_format("vpcflow.blocks", [("number", b"1"), ("v", b"%d" % (FORMAT + 1))])
