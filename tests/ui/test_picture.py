"""The picture of the page in README.md: an hour of traffic with a misconfigured group and a port scan.

The test writes `build/page.png`; `make picture` copies it to `docs/page.png`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from streams.records import Alert
from streams.web.state.board import KafkaLink
from tests.ui.conftest import START, WINDOW_S, WINDOWS, Script

PICTURE = Path(__file__).parents[2] / "build" / "page.png"
COMMITTED = Path(__file__).parents[2] / "docs" / "page.png"
MAX_BYTES = 200_000
PNG = b"\x89PNG\r\n\x1a\n"
INTERFACES = 60
MISCONFIGURED, SCANNED = 2, 9  # ranks of the interfaces with alerts
Visiting = Callable[..., AbstractAsyncContextManager[Any]]


def interface(rank: int) -> str:
    """Return the id of the interface with that rank by traffic."""
    return f"eni-0{random.Random(rank).getrandbits(64):016x}"


def alert(
    rule: str, rank: int, first: int, summary: str, value: float, threshold: float, **ended: Any
) -> Alert:
    """Return an alert that began in the window with the number `first`."""
    start = START + first * WINDOW_S
    status = ended.get("status", "firing")
    ends_at = START + ended.get("last", 0) * WINDOW_S if status == "resolved" else 0
    return Alert(
        f"{rule}-{rank}", rule, "warning", status, {"eni": interface(rank)}, summary, value, threshold,
        start, start + WINDOW_S, start, ends_at, "",
    )  # fmt: skip


def alerts() -> list[Alert]:
    """Return the alerts of the picture."""
    tried = "ports tried by about 1 source, all rejected in 60 s"
    resolved = {"status": "resolved", "last": 13}
    rejected = "88% of 412 flows rejected, usually 11% in 60 s"
    return [
        alert("port_scan", SCANNED, 52, f"about 297 {tried}", 297, 50),
        alert("reject_ratio", MISCONFIGURED, 36, rejected, 0.88, 0.31),
        alert("port_scan", 27, 8, f"about 112 {tried}", 112, 50, **resolved),
    ]


@pytest.fixture
def scene() -> Script:
    """An hour of an estate: traffic with a swell, rejects of the internet's scans, and three alerts."""
    script, chance = Script(), random.Random(23)
    for number in range(WINDOWS):
        swell = 1 + 0.3 * ((number - 18) / 30) ** 2
        for rank in range(INTERFACES):
            size = 5e6 / (rank + 1) ** 1.05 * swell * WINDOW_S
            is_broken = rank == MISCONFIGURED and number >= 34
            rejected = 0.35 if is_broken else 0.05 if rank == SCANNED and number == 52 else 0.008
            script.add(interface(rank), "ACCEPT", number, int(size * chance.uniform(0.85, 1.15)))
            script.add(interface(rank), "REJECT", number, int(size * rejected * chance.uniform(0.8, 1.2)))
    for one in alerts():
        script.board.take_alert(one.fingerprint, one.encode())
    script.health("delay", "lines came up to 71 s after their flow ended")
    script.board.link, script.board.is_caught_up = KafkaLink("live"), True
    return script


@pytest.mark.ui
@pytest.mark.asyncio(loop_scope="module")
async def test_the_picture_is_drawn(browser: Browser, scene: Script, visiting: Visiting) -> None:
    async with visiting(browser, scene, color_scheme="light") as seen:
        await seen.page.set_viewport_size({"width": 1280, "height": 800})
        await expect(seen.page.get_by_test_id("state")).to_have_text("live")
        await expect(seen.page.get_by_test_id("top-row").first).to_be_visible()
        await expect(seen.page.get_by_text("297").first).to_be_visible()
        PICTURE.parent.mkdir(exist_ok=True)
        picture = await seen.page.screenshot(path=PICTURE, full_page=True, animations="disabled")
        assert seen.errors == []
    assert picture.startswith(PNG)
    assert len(picture) < MAX_BYTES


def test_the_committed_picture_is_a_small_png() -> None:
    committed = COMMITTED.read_bytes()
    assert committed.startswith(PNG)
    assert len(committed) < MAX_BYTES
