"""State and messages of format 2, written by the version before (golden bytes): this version reads them.

`tests/data/format_2/golden.json` is what that version's hops committed for six dozen lines: 3 accepted flows
and 60 rejected ones on 60 ports in one window, 2 more flows 700 s later. Format 2 has no conversations, no
account and Region, and no stored flushes.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import polars as pl

from connectors.settings import Work
from streams.numbering import Input, Output
from streams.sums import conversations, partials
from streams.windows.aggregate_encoding import FINALS
from streams.windows.partial import Partial
from streams.worker.detect import DetectHop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from tests.build import ENI, decode_aggregate, row
from tests.streams.conversations.exact import Flow
from tests.streams.conversations.exact import frame as conversation_frame
from tests.streams.worker.kept import KeptSlot

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data/format_2/golden.json").read_text())
SETTINGS = Work.model_validate({"slots": 1, "prefix": "vpcflow."})
AT = 1_700_000_000
WINDOW, LATER = AT // 60 * 60, (AT + 700) // 60 * 60


def state(name: str) -> dict[bytes, bytes]:
    return {b64decode(key): b64decode(value) for key, value in GOLDEN[name].items()}


def messages(name: str) -> list[Input]:
    return [
        Input(at, {header: b64decode(value) for header, value in one["headers"]}, b64decode(one["value"]))
        for at, one in enumerate(GOLDEN[name])
    ]


def published(slot: KeptSlot) -> dict[tuple[str, int], tuple[int, int, bool]]:
    """Return flows, revision and final of the newest aggregates by action and window."""
    found = (decode_aggregate(message.value or b"") for message in slot.messages("aggregates"))
    return {(one.action, one.window_start): (one.flows, one.revision, one.final) for one in found}


async def test_merge_goes_on_from_state_of_format_2_and_writes_this_format() -> None:
    hop = MergeHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot(state("merge-state"))
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("partials")] == [None, None]  # applied before
    added = Partial.of(
        later_totals(),
        conversation_frame([Flow(1, window=LATER, eni=ENI), Flow(2, window=LATER)]),
    )
    headers = {"producer": b"0", "newest_start": b"1700009000", "watermark": b"1700001400", "caught_up": b"0"}
    more = Output(1, 65).message(
        "partials",
        0,
        added.value,
        2,
        **headers,
        arrival_ms=b"0",
        conversations_at=b"%d" % added.conversations_at,
    )
    assert hop.offer(Input(9, dict(more.headers), added.value), 2.0) is None
    await hop.flush(2.0)
    assert published(slot) == {("ACCEPT", LATER): (4, 2, True)}
    again = MergeHop(SETTINGS, 0)
    again.slot = KeptSlot(slot.kept)
    await again.open(0.0)
    assert again.next_offset == 10


def later_totals() -> pl.DataFrame:
    """Return the totals of two flows of the later window."""
    return partials.frame([row(LATER, flows=2, first=LATER)])


async def test_merge_reads_partials_of_format_2() -> None:
    hop = MergeHop(SETTINGS, 0)
    hop.slot = slot = KeptSlot({})
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("partials")] == [None, None]
    await hop.flush(1.0)
    assert {key: flows for key, (flows, _, _) in published(slot).items()} == {
        ("ACCEPT", WINDOW): 3,
        ("REJECT", WINDOW): 60,
        ("ACCEPT", LATER): 2,
    }
    assert slot.messages("conversations") == []


async def test_detect_reads_state_and_finals_of_format_2() -> None:
    hop = DetectHop(SETTINGS, 0)
    hop.slot = KeptSlot(state("detect-state"))
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("finals")] == [None] * 2  # applied before
    hop = DetectHop(SETTINGS, 0)
    hop.slot = KeptSlot({})
    await hop.open(0.0)
    assert [hop.offer(message, 1.0) for message in messages("finals")] == [None] * 2
    await hop.flush(1.0)


async def test_sum_goes_on_from_state_of_format_2() -> None:
    hop = SumHop(SETTINGS, 0)
    hop.slot = KeptSlot(state("sum-state"))
    await hop.open(0.0)
    assert hop.next_offset == 2


async def test_detect_reads_finals_with_conversations() -> None:
    """The second stream is not the detectors'."""
    merge, detect = MergeHop(SETTINGS, 0), DetectHop(SETTINGS, 0)
    merge.slot, detect.slot = KeptSlot({}), KeptSlot({})
    await merge.open(0.0)
    await detect.open(0.0)
    added = Partial.of(later_totals(), conversation_frame([Flow(1, window=LATER, eni=ENI)]))
    headers = {"producer": b"0", "newest_start": b"1700001400", "watermark": b"1700001400", "caught_up": b"0"}
    first = Output().message(
        "partials",
        0,
        added.value,
        2,
        **headers,
        arrival_ms=b"0",
        conversations_at=b"%d" % added.conversations_at,
    )
    assert merge.offer(Input(0, dict(first.headers), added.value), 1.0) is None
    await merge.flush(1.0)
    (sent,) = merge.slot.messages("finals")
    assert "conversations_at" in dict(sent.headers)
    assert detect.offer(Input(0, dict(sent.headers), sent.value or b""), 1.0) is None
    assert conversations.decode(added.value[added.conversations_at :]).height == 1
    assert "peers" in FINALS
