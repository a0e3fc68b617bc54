"""The page in a real browser: it says what the server knows, in both themes, through a lost stream."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from connectors.progress import SourceProgress
from streams.web.shell import STATIC
from streams.web.state.board import KafkaLink

pytestmark = pytest.mark.ui
in_module_loop = pytest.mark.asyncio(loop_scope="module")  # the loop in which the browser was started

SHOTS = Path(__file__).parents[2] / "build"
WIDTHS = (1440, 900, 390)
JS_BYTES, CSS_BYTES = 120_000, 12_000  # the most that the page may have
Visiting = Callable[..., AbstractAsyncContextManager[Any]]

# A copy of the chart to read pixels from. Chromium warns about a canvas of the page that is read repeatedly.
PIXELS = """
  const canvas = document.querySelector('.canvas canvas');
  const { width: all, height: high } = canvas;
  const copy = new OffscreenCanvas(all, high).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
"""
# How many pixels of the chart are as strongly coloured as a line is: none on an empty canvas.
COLOURED = f"""() => {{{PIXELS}
  const {{ data }} = copy.getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let i = 0; i < data.length; i += 4) {{
    const [r, g, b, a] = data.slice(i, i + 4);
    if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 90) coloured += 1;
  }}
  return coloured;
}}"""
# The share of the columns of a part of the chart in which ACCEPT's line is drawn above the zero line.
DRAWN = f"""([from, to]) => {{{PIXELS}  const ratio = canvas.width / canvas.clientWidth;
  const {{ offsetLeft, offsetTop, clientWidth, clientHeight }} = document.querySelector('.u-over');
  const scaled = (value) => Math.round(value * ratio);
  const [left, width] = [scaled(offsetLeft + clientWidth * from), scaled(clientWidth * (to - from))];
  const [top, height] = [scaled(offsetTop), scaled(clientHeight * 0.6)];
  const {{ data }} = copy.getImageData(left, top, width, height);
  let drawn = 0;
  for (let x = 0; x < width; x += 1) {{
    let isDrawn = false;
    for (let y = 0; y < height; y += 1) {{
      const [r, , b, a] = data.slice(4 * (y * width + x), 4 * (y * width + x) + 4);
      isDrawn ||= a > 150 && b - r > 90;
    }}
    drawn += isDrawn ? 1 : 0;
  }}
  return drawn / width;
}}"""
BACKGROUND = "() => getComputedStyle(document.documentElement).backgroundColor"


@in_module_loop
async def test_shows_the_numbers_the_server_knows(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        await expect(seen.page.get_by_test_id("state")).to_have_text("live")
        stats = await (await seen.page.request.get(seen.wire.url + "/api/stats")).json()
        shown = {
            "window": "window_start",
            "behind": "behind_s",
            "flows": "flows_per_s",
            "bytes": "bytes_per_s",
            "rejects": "reject_percent",
            "late": "late",
            "lag": "lag_s",
        }
        for name, field in shown.items():
            value = await seen.see(f"number-{name}")
            assert value is not None
            assert float(value) == pytest.approx(stats["numbers"][field]), name
        await expect(seen.page.get_by_test_id("number-behind")).to_have_text("10 min 4 s")
        await expect(seen.page.get_by_test_id("number-late")).to_have_text("12")
        await expect(seen.page.get_by_test_id("number-lag")).to_have_text("0.4 s")


@in_module_loop
async def test_numbers_are_those_of_the_settled_window_and_show_its_time(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script, timezone_id="Europe/Berlin") as seen:
        window = seen.page.get_by_test_id("number-window")
        await expect(window).to_have_text("11:43–11:44 GMT+2")  # the newest final window
        await expect(seen.page.get_by_test_id("legend-time")).to_have_text("11:43 GMT+2")
        for slot in (0, 1):
            script.report(slot, script.start_of(59))
        await expect(window).to_have_text("11:49–11:50 GMT+2")  # complete, but for three minutes of lateness
        series = await (await seen.page.request.get(seen.wire.url + "/api/series?range=1h")).json()
        point = dict(zip(series["fields"], series["points"][55], strict=True))
        assert point["start"] == script.start_of(55)
        flows = sum(value for name, value in point.items() if name.endswith("_flows"))
        assert float(await seen.see("number-flows") or 0) == pytest.approx(flows / 60)
        script.report(1, script.start_of(59), SourceProgress("s3:logs", "unread"))
        await expect(window).to_have_text("11:43–11:44 GMT+2")


@in_module_loop
async def test_open_windows_are_dashed(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        await expect(seen.page.get_by_test_id("state")).to_have_text("live")
        states = seen.page.get_by_test_id("chart-table").locator("tbody tr td:last-child")
        await expect(states).to_have_text(["still open"] * 5)
        assert await seen.page.evaluate(DRAWN, [0.1, 0.8]) > 0.97
        assert 0.1 < await seen.page.evaluate(DRAWN, [50.5 / 60, 59.5 / 60]) < 0.8
        for number in range(50, 58):
            for eni in script.board.history.names:
                for action in ("ACCEPT", "REJECT"):
                    script.add(eni, action, number, 50_000_000, revision=2, final=True)
        await expect(states).to_have_text(["settled"] * 3 + ["still open"] * 2)
        assert await seen.page.evaluate(DRAWN, [50.5 / 60, 57.5 / 60]) > 0.97


@in_module_loop
async def test_a_held_watermark_names_its_slots(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        await expect(seen.page.get_by_test_id("state")).to_have_text("live")
        await expect(seen.page.get_by_test_id("watermark")).to_have_count(0)
        shard = SourceProgress("kinesis:flow-logs/shardId-000000000003", "behind", script.start_of(60) - 7200)
        script.report(0, script.start_of(60), shard)
        await expect(seen.page.get_by_test_id("held")).to_have_text(
            "watermark held by slot 1: no connector yet;"
            " slot 0: kinesis:flow-logs/shardId-000000000003 2 h behind"
        )
        script.report(0, script.start_of(60))
        script.report(1, script.start_of(60), age_s=240)
        await expect(seen.page.get_by_test_id("held")).to_have_text(
            "watermark held by slot 1: no connector for 4 min"
        )
        script.report(1, script.start_of(60))
        await expect(seen.page.get_by_test_id("watermark")).to_have_count(0)
        assert seen.errors == []


@in_module_loop
async def test_times_show_zone_and_date_when_it_is_not_today(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script, timezone_id="America/New_York") as seen:
        zone, since = seen.page.get_by_test_id("zone"), seen.page.locator(".alerts .since").first
        await expect(zone).to_have_text("EDT")
        await expect(since).to_contain_text(re.compile(r"^05:46 EDT, "))
        script.now += 86_400
        await expect(zone).to_have_text("EDT2025-10-09")
        await expect(since).to_contain_text(re.compile(r"^2025-10-09 05:46 EDT, "))
        await expect(seen.page.get_by_test_id("legend-time")).to_have_text("2025-10-09 05:43 EDT")
        await expect(seen.page.locator(".numbers .window dt")).to_have_text("window 2025-10-09")


@in_module_loop
async def test_a_future_timestamp_leaves_the_chart_its_60_points(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script) as seen:
        script.add("eni-ahead", "ACCEPT", 2 * 1440, 1_000_000)
        await expect(seen.page.get_by_test_id("ahead")).to_have_text(
            "1 window not shown, more than an hour ahead of the others"
        )
        series = await (await seen.page.request.get(seen.wire.url + "/api/series?range=1h")).json()
        assert len(series["points"]) == 60
        last = seen.page.get_by_test_id("chart-table").locator("tbody tr").last
        await expect(last).to_have_attribute("data-start", str(script.start_of(59)))


@in_module_loop
async def test_works_below_a_path_of_a_proxy(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        html = await (await seen.page.request.get(seen.wire.url + "/")).text()
        assert not re.findall(r'(?:src|href)="/', html)
        href = await seen.page.get_by_test_id("export").get_attribute("href")
        assert href is not None
        assert href.startswith("api/export.csv?")


@in_module_loop
async def test_table_adds_up_to_the_chart(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        rows = seen.page.get_by_test_id("top-row")
        await expect(rows).to_have_count(12)  # ten, "Other" and "Total"
        values = [
            int(await cell.get_attribute("data-value") or 0)
            for cell in await rows.locator("[data-column=bytes]").all()
        ]
        assert sum(values[:-1]) == values[-1]
        series = await (await seen.page.request.get(seen.wire.url + "/api/series?range=1h")).json()
        columns = [i for i, name in enumerate(series["fields"]) if name.endswith("_bytes")]
        assert values[-1] == sum(point[i] for point in series["points"] for i in columns)
        last = seen.page.get_by_test_id("chart-table").locator("tbody tr").last.locator("td")
        accept = series["fields"].index("accept_bytes")
        shown = float(await last.nth(1).get_attribute("data-value") or 0)
        assert shown == pytest.approx(series["points"][-1][accept] / 60)


@in_module_loop
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_theme_is_drawn(browser: Browser, script: Any, visiting: Visiting, theme: str) -> None:
    other = {"light": "dark", "dark": "light"}[theme]
    async with visiting(browser, script, color_scheme=theme) as seen:
        await expect(seen.page.get_by_test_id("top-row").first).to_be_visible()
        assert await seen.page.evaluate(COLOURED) > 1000
        SHOTS.mkdir(exist_ok=True)
        for width in WIDTHS:
            await seen.page.set_viewport_size({"width": width, "height": 860})
            await seen.page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
            await seen.page.screenshot(path=SHOTS / f"ui-{theme}-{width}.png", full_page=True)
        before = await seen.page.evaluate(BACKGROUND)
        await seen.page.get_by_test_id(f"theme-{other}").click()
        await expect(seen.page.locator("html")).to_have_attribute("data-theme", other)
        assert await seen.page.evaluate(BACKGROUND) != before
        assert await seen.page.evaluate(COLOURED) > 1000, "the chart is redrawn, not wiped"
        await seen.page.reload()
        await expect(seen.page.locator("html")).to_have_attribute("data-theme", other)
        assert seen.errors == []


@in_module_loop
async def test_asks_nobody_else_and_complains_of_nothing(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script) as seen:
        await expect(seen.page.get_by_test_id("state")).to_have_text("live")
        await seen.page.get_by_test_id("chart").hover()
        assert [url for url in seen.requests if not url.startswith(seen.wire.url)] == []
        assert len(seen.requests) >= 4
        assert seen.errors == []


@in_module_loop
async def test_switch_changes_table_chart_and_address(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script, "/?range=15m") as seen:
        first = seen.page.get_by_test_id("top-row").first
        await expect(seen.page.get_by_test_id("range-15m")).to_have_attribute("aria-pressed", "true")
        await seen.page.get_by_test_id("by-rejects").click()
        await expect(seen.page).to_have_url(f"{seen.wire.url}/?by=rejects&range=15m")
        await expect(seen.page.locator("th.chosen")).to_have_text("rejects")
        table = await (await seen.page.request.get(f"{seen.wire.url}/api/top?by=rejects&range=15m")).json()
        await expect(first).to_have_attribute("data-eni", table["rows"][0]["eni"])
        await expect(seen.page.get_by_test_id("chart")).to_have_attribute(
            "aria-label", re.compile("^Flows: ACCEPT .* REJECT ")
        )
        await seen.page.go_back()
        await expect(seen.page.locator("th.chosen")).to_have_text("bytes")


@in_module_loop
async def test_lists_firing_alerts_first(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        rows = seen.page.get_by_test_id("alert-row")
        await expect(rows).to_have_count(4)
        statuses = [await row.get_attribute("data-status") for row in await rows.all()]
        assert statuses == ["firing", "firing", "pending", "resolved"]
        await expect(rows.first).to_contain_text("214 vs 50")
        assert await seen.see("alerts-firing") == "2"
        script.alert("port_sweep", "resolved", 52, value=3, threshold=50)
        await expect(seen.page.get_by_test_id("alerts-firing")).to_have_text("1 firing")


@in_module_loop
async def test_lists_losses_of_data_first(browser: Browser, script: Any, visiting: Visiting) -> None:
    async with visiting(browser, script) as seen:
        rows = seen.page.get_by_test_id("health-row")
        await expect(rows).to_have_count(2)
        assert await seen.see("health-losses") == "0"
        script.health("trimmed", "records after 4967 may have expired before they were read")
        await expect(seen.page.get_by_test_id("health-losses")).to_have_text("1 loss")
        kinds = [await row.get_attribute("data-kind") for row in await rows.all()]
        assert kinds == ["trimmed", "gap", "delay"]
        await expect(rows.first).to_contain_text("kinesis:flow-logs/shardId-000000000003")


@in_module_loop
async def test_nothing_said_of_the_data_is_nothing_shown(
    browser: Browser, empty: Any, visiting: Visiting
) -> None:
    async with visiting(browser, empty) as seen:
        await expect(seen.page.get_by_test_id("state")).to_have_text("no windows yet")
        await expect(seen.page.locator(".health")).to_have_count(0)


@in_module_loop
async def test_resumes_after_the_stream_was_dropped(
    browser: Browser, script: Any, visiting: Visiting
) -> None:
    async with visiting(browser, script) as seen:
        state = seen.page.get_by_test_id("state")
        await expect(state).to_have_text("live")
        seen.wire.cut()
        await expect(state).to_have_text("stream lost, retrying")
        await expect(seen.page.get_by_test_id("notice")).to_be_visible()
        script.add("eni-new", "ACCEPT", 60, 77_000_000_000)
        await expect(state).to_have_text("live")
        await expect(seen.page.get_by_test_id("top-row").first).to_have_attribute("data-eni", "eni-new")
        assert b"Last-Event-ID: " in bytes(seen.wire.asked), "the browser resumed, it did not begin again"


@in_module_loop
async def test_empty_then_stale_then_broken_are_said(
    browser: Browser, empty: Any, visiting: Visiting
) -> None:
    async with visiting(browser, empty) as seen:
        state = seen.page.get_by_test_id("state")
        await expect(state).to_have_text("no windows yet")
        empty.traffic(windows=3)
        await expect(state).to_have_text("live")
        empty.now += 95
        await expect(state).to_have_text("no data for 1 min 35 s")
        empty.board.link = KafkaLink("reconnecting", "Kafka does not answer")
        await expect(state).to_have_text("reconnecting: Kafka does not answer")
        assert seen.errors == []


def test_files_stay_in_their_budget() -> None:
    names = json.loads((STATIC / "manifest.json").read_text())
    assert (STATIC / names["main.js"]).stat().st_size <= JS_BYTES
    assert (STATIC / names["main.css"]).stat().st_size <= CSS_BYTES
