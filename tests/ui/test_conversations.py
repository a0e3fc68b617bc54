"""Conversations on the page: names, groups, filters in the address, the link of an alert, rows and CSV."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.async_api import Browser, expect

from connectors.inventory.rows import InterfaceRow, encode
from streams.conversations import published
from streams.conversations.published import PUBLISHED
from tests.streams.topics.rows import CONVERSATION
from tests.ui.conftest import START, WINDOW_S, WINDOWS, Script

pytestmark = pytest.mark.ui
in_module_loop = pytest.mark.asyncio(loop_scope="module")  # the loop in which the browser was started

SHOTS = Path(__file__).parents[2] / "build"
Visiting = Callable[..., AbstractAsyncContextManager[Any]]
NAMES = ["web-1", "web-2", "checkout", "orders-db", "cache", "<b>nat & co</b>"]
ZONES = ["use1-az1", "use1-az2"]
SERVICES = [(443, 6), (5432, 6), (6379, 6), (53, 17), (22, 6)]
FOREIGN = "203.0.113.7"


def interface(rank: int) -> str:
    """Return the interface of `Script.traffic` with that rank."""
    return f"eni-{rank * 7_919 + 0xA1B2C3D4E5F:017x}"


def address(rank: int) -> str:
    return f"10.0.{rank}.{rank + 5}"


def talking(script: Script, *, has_inventory: bool = True) -> Script:
    """Add conversations of the last windows, an inventory of six interfaces, and an alert on the third."""
    chance = random.Random(3)
    for number in range(WINDOWS - 30, WINDOWS):
        rows = [conversation(chance, rank, number, peer) for rank in range(8) for peer in range(6)]
        value = pl.DataFrame(rows, schema=PUBLISHED)
        script.board.conversations.take(published.encode(value))
    if has_inventory:
        for rank, name in enumerate(NAMES):
            row = InterfaceRow(
                interface(rank), 1, vpc="vpc-1", subnet=f"subnet-{rank % 3}", zone=ZONES[rank % 2],
                id=f"i-{rank:017x}", kind="instance", name=name, private=(address(rank),),
            )  # fmt: skip
            script.board.directory.apply(row.key, encode(row))
    return script


def conversation(chance: random.Random, rank: int, number: int, peer: int) -> dict[str, Any]:
    """Return a conversation of an interface; the last peer is a stranger that is rejected."""
    port, protocol = SERVICES[(rank + peer) % len(SERVICES)]
    is_foreign = peer == 5
    start = START + number * WINDOW_S
    other = FOREIGN if is_foreign else address((rank + peer + 1) % 8)
    return {
        **CONVERSATION, "window_start": start, "eni": interface(rank), "first": start, "last": start + 59,
        "action": "REJECT" if is_foreign else "ACCEPT", "source": other, "destination": address(rank),
        "port": 22 if is_foreign else port, "protocol": 6 if is_foreign else protocol, "flows": 3 + peer,
        "packets": 300, "bytes": int(4e6 / (rank + 1) / (peer + 1) * chance.uniform(0.8, 1.2)),
        "final": number < WINDOWS - 10, "bound_bytes": 0,
    }  # fmt: skip


async def told(seen: Any, query: str) -> Any:
    return await (await seen.page.request.get(f"{seen.wire.url}/api/conversations?{query}")).json()


@in_module_loop
async def test_a_row_filters_the_page_and_the_address_keeps_it(
    browser: Browser, script: Script, visiting: Visiting
) -> None:
    async with visiting(browser, talking(script)) as seen:
        page = seen.page
        rows, table = page.get_by_test_id("top-row"), page.get_by_test_id("top")
        await expect(rows.first.locator("th")).to_have_text("web-1")
        assert await page.get_by_test_id("conversations").count() == 0
        await page.get_by_test_id("group-peer").click()
        await expect(table).to_have_attribute("data-group", "peer")
        peers = await told(seen, "group=peer")
        await expect(rows.first.locator("th")).to_have_text(peers["rows"][0]["label"])
        await page.get_by_test_id("group-zone").click()
        await expect(rows.first.locator("th")).to_have_text("use1-az1")

        await rows.first.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("filter-zone")).to_contain_text("use1-az1")
        assert "group=zone&zone=use1-az1" in page.url
        await page.get_by_test_id("group-port").click()
        await rows.filter(has_text="22/TCP").first.locator("td").first.click()
        await expect(page.get_by_test_id("filter-port")).to_contain_text("22/TCP")
        found = await told(seen, "group=conversation&zone=use1-az1&port=22/6&n=50")
        await expect(page.get_by_test_id("conversation-row")).to_have_count(len(found["rows"]))
        largest = page.get_by_test_id("conversation-row").first.locator("[data-column=bytes]")
        await expect(largest).to_have_attribute("data-value", str(found["rows"][0]["bytes"]))
        chart = await page.get_by_test_id("chart-table").locator("tbody tr").last.get_attribute("data-start")
        assert chart == str(found["series"][-1][0])

        shared = page.url
        await page.go_back()
        await page.go_back()
        await page.go_back()
        await expect(page.get_by_test_id("filters")).to_have_count(0)
        await page.goto(shared)
        await expect(page.get_by_test_id("filter-port")).to_contain_text("22/TCP")
        href = await page.get_by_test_id("conversations-csv").get_attribute("href")
        text = await (await page.request.get(f"{seen.wire.url}/{href}")).text()
        assert len(list(csv.DictReader(io.StringIO(text)))) == len(found["rows"]) + 1
        await page.get_by_role("button", name="remove the filter port").click()
        await expect(page.get_by_test_id("filter-port")).to_have_count(0)
        await page.get_by_test_id("clear").click()
        await expect(page.get_by_test_id("filters")).to_have_count(0)
        assert not seen.errors
        assert {url.split("/")[2] for url in seen.requests} == {seen.wire.url.split("/")[2]}


@in_module_loop
async def test_the_link_of_an_alert_opens_its_interface_and_time(
    browser: Browser, script: Script, visiting: Visiting
) -> None:
    script.alert("port_scan", "firing", 45)
    scanned = f"eni-{0xA1B2C3D4E5F + 45:017x}"
    rows = [
        {**CONVERSATION, "window_start": script.start_of(45), "eni": scanned, "port": port}
        for port in (22, 23)
    ]
    script.board.conversations.take(published.encode(pl.DataFrame(rows, schema=PUBLISHED)))
    async with visiting(browser, talking(script, has_inventory=False)) as seen:
        page = seen.page
        await page.locator(f"[data-testid=alert-link][title={scanned}]").click()
        await expect(page.get_by_test_id("filter-interface")).to_contain_text(scanned)
        start = script.start_of(45)
        assert f"eni={scanned}&from={start}&to={start + 60}" in page.url
        await expect(page.get_by_test_id("top-row").first.locator("th")).to_have_text("10.0.0.9")
        await expect(page.get_by_test_id("conversation-row")).to_have_count(2)
        await page.goto(f"{seen.wire.url}/?v=1&eni={scanned}&from={start}&to={start + 60}")
        await expect(page.get_by_test_id("conversation-row")).to_have_count(2)
        await page.goto(f"{seen.wire.url}/?eni=eni-gone&from={start}&to={start + 60}")
        await expect(page.get_by_test_id("no-conversations")).to_be_visible()
        assert not seen.errors


@in_module_loop
async def test_conversations_fit_every_width_in_both_themes(
    browser: Browser, script: Script, visiting: Visiting
) -> None:
    """The pictures are for people: `build/conversations-<theme>-<width>.png`."""
    async with visiting(browser, talking(script), f"/?group=peer&eni={interface(5)}") as seen:
        await expect(seen.page.get_by_test_id("conversation-row")).to_have_count(6)
        await expect(seen.page.get_by_test_id("filter-interface")).to_contain_text("<b>nat & co</b>")
        for theme in ("light", "dark"):
            await seen.page.get_by_test_id(f"theme-{theme}").click()
            for width in (1440, 900, 390):
                await seen.page.set_viewport_size({"width": width, "height": 900})
                wide = await seen.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (theme, width, wide)
                await seen.page.screenshot(path=SHOTS / f"conversations-{theme}-{width}.png", full_page=True)
        assert not seen.errors
