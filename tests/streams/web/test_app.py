"""The server over HTTP: the routes, their headers, and the live stream with its resume and its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout

from connectors.progress import SlotProgress, SourceProgress
from streams.records import Aggregate
from streams.web import live
from streams.web.app import HEADERS, PortInUse, page
from streams.web.shell import UNBUILT, shell
from streams.web.state.board import Board

pytestmark = pytest.mark.socket

NOW = 1_000.0


@dataclass(slots=True)
class Script:
    """A board that the test writes."""

    board: Board = field(default_factory=Board)

    def add(self, eni: str, start: int, size: int, revision: int = 1) -> None:
        """Add an aggregate that arrived a quarter of a second ago."""
        arrival_ms = int(NOW * 1000) - 250
        one = Aggregate(
            eni, "ACCEPT", start, 60, 6, 60, size, start, start, {}, 0, 0, revision, False, arrival_ms
        )
        self.board.take_aggregate(one.encode(), NOW)


@pytest.fixture
def script() -> Script:
    """Two ENIs in one window."""
    script = Script()
    script.add("eni-a", 900, 6000)
    script.add("eni-b", 900, 600)
    return script


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """A client that gives up on a test that hangs."""
    async with ClientSession(timeout=ClientTimeout(total=20)) as session:
        yield session


async def read_event(response: ClientResponse) -> dict[str, Any]:
    """Read the next event of a stream; a heartbeat is none."""
    event: dict[str, Any] = {}
    while line := (await response.content.readline()).decode():
        if line == "\n" and event:
            return event
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            event[name] = orjson.loads(value) if name == "data" else value
    raise AssertionError("the stream ended")


async def test_routes_answer_from_the_board(script: Script, client: ClientSession) -> None:
    async with page(script, clock=lambda: NOW) as url:
        stats = await (await client.get(url + "/api/stats")).json()
        assert stats["end_to_end"]["count"] == 2
        assert stats["end_to_end"]["p50_ms"] == pytest.approx(250, rel=0.09)
        assert stats["numbers"]["open_from"] == 900
        top = await (await client.get(url + "/api/top?by=bytes&n=1")).json()
        assert ([row["eni"] for row in top["rows"]], top["other"]["bytes"]) == (["eni-a"], 600)
        series = await (await client.get(url + "/api/series?range=15m")).json()
        assert dict(zip(series["fields"], series["points"][0], strict=True))["accept_bytes"] == 6600
        exported = await client.get(url + "/api/export.csv?by=flows")
        assert (await exported.text()).startswith("eni,bytes,")
        assert "vpcflow-top-flows.csv" in exported.headers["Content-Disposition"]
        metrics = await (await client.get(url + "/metrics")).text()
        assert 'vpcflow_end_to_end_seconds_bucket{le="+Inf"} 2.0' in metrics
        assert 'vpcflow_page_messages_total{topic="aggregates"} 2.0' in metrics
        assert await (await client.get(url + "/api/alerts")).json() == []
        assert await (await client.get(url + "/api/health")).json() == []


async def test_every_answer_carries_the_policy(script: Script, client: ClientSession) -> None:
    async with page(script, clock=lambda: NOW) as url:
        for path in ("/", "/api/top", "/metrics", "/nowhere", "/api/live", "/static/%2e%2e%2fapp.py"):
            async with client.get(url + path) as response:
                assert {name: response.headers[name] for name in HEADERS} == HEADERS, path


@pytest.mark.parametrize(
    "query", ["by=colour", "range=9y", "n=0", "n=1001", "n=-1", "n=x", "n=%C2%B2", "range="]
)
async def test_unknown_question_is_refused_with_a_sentence(
    script: Script, client: ClientSession, query: str
) -> None:
    async with page(script) as url, client.get(f"{url}/api/top?{query}") as response:
        assert response.status == 400
        assert " is " in await response.text()


LOOPBACK = ["127.0.0.1", "127.8.9.1:80", "localhost", "LOCALHOST:8080", "localhost.", "[::1]", "[::1]:8080"]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.5",
]
FOREIGN += ["", "127.0.0.1@evil.example", "[::2]", "evil.example#127.0.0.1", "flows.example.evil.example"]
PATHS = ("/", "/api/stats", "/api/live", "/api/export.csv", "/metrics", "/static/main.js", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
async def test_a_foreign_host_is_refused(script: Script, client: ClientSession, path: str) -> None:
    async with page(script, public_url="https://flows.example:8443/") as url:
        for host in FOREIGN:
            async with client.get(url + path, headers={"Host": host}) as response:
                text = await response.text()
                assert response.status in (400, 421), host
                assert response.status == 400 or "VPCFLOW_URL" in text
                assert "eni-a" not in text


async def test_loopback_and_the_host_of_the_public_url_are_served(
    script: Script, client: ClientSession
) -> None:
    async with page(script, public_url="https://Flows.Example:8443/") as url:
        for host in (*LOOPBACK, "flows.example", "flows.example:8443", "FLOWS.example:80"):
            async with client.get(url + "/api/stats", headers={"Host": host}) as response:
                assert response.status == 200, host


async def test_probes_answer_to_any_host(script: Script, client: ClientSession) -> None:
    script.board.is_caught_up = True
    async with page(script) as url:
        for path in ("/livez", "/readyz"):
            async with client.get(url + path, headers={"Host": "10.1.2.3:8080"}) as response:
                assert response.status == 200


async def test_the_slot_that_holds_the_watermark_is_named(script: Script, client: ClientSession) -> None:
    board, newest = script.board, 100_000
    board.progress.count = 3
    shard = SourceProgress("kinesis:flow-logs/shardId-000000000003", "behind", newest - 7300)
    for slot, sources, age_s in ((0, (shard,), 1), (1, (), 240)):
        progress = SlotProgress(sources, 1, newest, newest, int((NOW - age_s) * 1000))
        board.take_progress(slot, progress.encode())
    expected = [
        "slot 2: no connector yet",
        "slot 0: kinesis:flow-logs/shardId-000000000003 2 h behind",
        "slot 1: no connector for 4 min",
    ]
    async with page(script, clock=lambda: NOW) as url:
        stats = await (await client.get(url + "/api/stats")).json()
        assert [one["text"] for one in stats["watermark"]["held"]] == expected
        assert stats["watermark"]["complete_to"] is None
        async with client.get(url + "/api/live") as stream:
            assert (await read_event(stream))["data"]["watermark"]["held"] == expected
        metrics = await (await client.get(url + "/metrics")).text()
        for line in (
            'vpcflow_watermark_hold_seconds{slot="0"} 7300.0',
            'vpcflow_watermark_hold_seconds{slot="1"} 0.0',
            'vpcflow_watermark_hold_seconds{slot="2"} +Inf',
            'vpcflow_slot_report_age_seconds{slot="1"} 240.0',
        ):
            assert line in metrics


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e%2fapp.py", "manifest.json", "none.js"])
async def test_only_built_files_are_served(script: Script, client: ClientSession, name: str) -> None:
    async with page(script) as url, client.get(f"{url}/static/{name}") as response:
        assert response.status == 404


async def test_ready_when_caught_up(script: Script, client: ClientSession) -> None:
    async with page(script) as url:
        assert (await client.get(url + "/livez")).status == 200
        assert (await client.get(url + "/readyz")).status == 503
        script.board.is_caught_up = True
        assert (await client.get(url + "/readyz")).status == 200


async def test_port_in_use_is_a_sentence(script: Script) -> None:
    async with page(script) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} is taken"):
            await page(script, port=port).__aenter__()


async def test_stream_begins_with_a_snapshot_and_goes_on_with_changes(
    script: Script, client: ClientSession
) -> None:
    async with page(script, clock=lambda: NOW) as url, client.get(url + "/api/live") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        first = await read_event(stream)
        assert (first["event"], first["retry"]) == ("snapshot", "2000")
        assert [point[0] for point in first["data"]["points"]] == [900]
        script.add("eni-a", 960, 100)
        second = await read_event(stream)
        assert (second["event"], int(second["id"])) == ("tick", int(first["id"]) + 1)
        assert [point[0] for point in second["data"]["points"]] == [960]
        assert "alerts" not in second["data"]


async def test_stream_resumes_where_it_was_lost(script: Script, client: ClientSession) -> None:
    async with page(script, clock=lambda: NOW) as url:
        async with client.get(url + "/api/live") as stream:
            first = await read_event(stream)
        script.add("eni-a", 960, 100)
        headers = {"Last-Event-ID": first["id"]}
        async with client.get(url + "/api/live", headers=headers) as stream:
            event = await read_event(stream)
        assert event["event"] == "tick"
        assert [point[0] for point in event["data"]["points"]] == [960]


@pytest.mark.parametrize("seen", ["1", "99999999999999999999", "x", "-5", "²"])
async def test_unknown_place_gets_a_snapshot(script: Script, client: ClientSession, seen: str) -> None:
    headers = {"Last-Event-ID": seen}
    async with page(script) as url, client.get(url + "/api/live", headers=headers) as stream:
        assert (await read_event(stream))["event"] == "snapshot"


async def test_clients_are_capped(
    script: Script, client: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_CLIENTS", 2)
    async with page(script) as url, AsyncExitStack() as stack:
        for _ in range(2):
            await read_event(await stack.enter_async_context(client.get(url + "/api/live")))
        assert (await client.get(url + "/api/live")).status == 503


async def test_streams_end_when_the_page_closes(script: Script, client: ClientSession) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(page(script))
        stream = await client.get(url + "/api/live")
        await read_event(stream)
        await stack.aclose()
        await stream.content.read()  # returns because the stream ended; the client's timeout ends a failure
        assert stream.content.at_eof()


def test_without_built_files_the_page_says_how(tmp_path: Path) -> None:
    assert shell(tmp_path) == UNBUILT
    assert "make ui" in UNBUILT
    (tmp_path / "manifest.json").write_bytes(b'{"main.js": "main-A.js", "main.css": "main-A.css"}')
    assert 'src="static/main-A.js"' in shell(tmp_path)


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03\r\n\r\n"]
)
async def test_a_request_that_is_no_http_logs_a_line_and_no_traceback(
    script: Script, request_head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with page(script) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request_head)
        assert b" 400 " in await reader.readline()
        writer.close()
    assert len(caplog.records) <= 1  # aiohttp logs some of them, such as a TLS greeting, for debugging only.
    assert not any(record.exc_info for record in caplog.records)
