"""A scripted board, the page over it, a proxy that can cut its connections, and the system's Chromium."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from connectors.kafka.health_messages import HealthRecord
from connectors.progress import SlotProgress, SourceProgress
from streams.records import Aggregate, Alert
from streams.web.app import page as serve
from streams.web.build import build
from streams.web.state.board import Board, KafkaLink

WINDOWS, WINDOW_S, START = 60, 60, 1_760_000_040
END = START + WINDOWS * WINDOW_S
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass(slots=True)
class Script:
    """A source without Kafka: the test writes its board and moves its clock."""

    board: Board = field(default_factory=Board)
    now: float = END + 4.0

    def clock(self) -> float:
        """The moment that the test chose."""
        return self.now

    def traffic(self, enis: int = 14, windows: int = WINDOWS) -> Script:
        """Fill the board with a plausible hour, the same each time."""
        chance = random.Random(7)
        sizes = [4e6 / (rank + 1) ** 1.1 for rank in range(enis)]
        for number in range(windows):
            swell = 1 + 0.35 * ((number % 30) / 15 - 1) ** 2
            for rank, size in enumerate(sizes):
                for action in ("ACCEPT", "REJECT"):
                    share = 1.0 if action == "ACCEPT" else (0.3 if rank == 3 and 38 < number < 46 else 0.012)
                    amount = int(size * swell * share * chance.uniform(0.7, 1.3) * WINDOW_S)
                    self.add(f"eni-{rank * 7_919 + 0xA1B2C3D4E5F:017x}", action, number, amount)
        self.board.link, self.board.is_caught_up = KafkaLink("live"), True
        return self

    def start_of(self, number: int) -> int:
        """Return the start of a window."""
        return START + number * WINDOW_S

    def add(
        self, eni: str, action: str, number: int, amount: int, revision: int = 1, *, final: bool = False
    ) -> None:
        """Add one aggregate of `amount` bytes in the window with that number."""
        start = START + number * WINDOW_S
        flows = max(amount // (90_000 if action == "ACCEPT" else 4_000), 1)
        arrival_ms = int((self.now - 0.4) * 1000)
        aggregate = Aggregate(
            eni, action, start, WINDOW_S, flows, amount // 800, amount, start, start + 59,
            {"6": [flows, amount // 800, amount]}, 0, 0, revision, final or number < WINDOWS - 10, arrival_ms,
        )  # fmt: skip
        self.board.take_aggregate(aggregate.encode(), self.now)

    def report(self, slot: int, complete_to: int, *sources: SourceProgress, age_s: float = 1.0) -> None:
        """Let one of two slots report its progress."""
        self.board.progress.count = 2
        progress = SlotProgress(sources, 1, complete_to, END, int((self.now - age_s) * 1000))
        self.board.take_progress(slot, progress.encode())

    def health(self, kind: str, text: str) -> None:
        """Say something of the data of one shard."""
        source = "kinesis:flow-logs/shardId-000000000003"
        one = HealthRecord(kind, source, int((self.now - 300) * 1000), text)
        self.board.take_data_health(one.message("", 0).value or b"")

    def alert(self, rule: str, status: str, began: int, **more: float) -> None:
        """Add one alert that began in the window with that number."""
        start = START + began * WINDOW_S
        eni = f"eni-{0xA1B2C3D4E5F + began:017x}"
        alert = Alert(
            f"{rule}-{began}", rule, "warning", status, {"eni": eni}, f"{rule} on {eni} since window {began}",
            more.get("value", 0.42), more.get("threshold", 0.2), start, start + WINDOW_S, start,
            start + 300 if status == "resolved" else 0, "",
        )  # fmt: skip
        self.board.take_alert(alert.fingerprint, alert.encode())


@dataclass(slots=True)
class Wire:
    """A proxy on the way to the page: remembers what was asked, and can cut every connection."""

    target: tuple[str, int]
    url: str = ""
    asked: bytearray = field(default_factory=bytearray)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """Drop every connection, as a lost network does."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        self.writers += [writer, far_writer]
        await asyncio.gather(self._pump(reader, far_writer, self.asked), self._pump(far_reader, writer))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copy: bytearray | None = None
    ) -> None:
        with suppress(ConnectionError):  # cutting is what this is for
            while data := await reader.read(65_536):
                if copy is not None:
                    copy += data
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """Open a proxy to the page at `url`."""
    parts = urlsplit(url)
    wire = Wire((parts.hostname or "", parts.port or 0))
    server = await asyncio.start_server(wire.join, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        wire.cut()


@dataclass
class Visit:
    """A browser's page on ours, with what it complained about and where it went.

    Without slots, because Playwright writes an attribute on the owner of a method it is to call.
    """

    page: Page
    script: Script
    wire: Wire
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def note_console(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings."""
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def note_request(self, request: Request) -> None:
        """Keep every address."""
        self.requests.append(request.url)

    async def see(self, test_id: str) -> str | None:
        """Return the `data-value` of an element."""
        return await self.page.get_by_test_id(test_id).get_attribute("data-value")


@asynccontextmanager
async def visit(browser: Browser, script: Script, path: str = "/", **context: str) -> AsyncIterator[Visit]:
    """Serve a script, and open the page on it."""
    async with serve(script, clock=script.clock) as url, wire_to(url) as wire:
        scene = await browser.new_context(viewport={"width": 1440, "height": 860}, **context)  # type: ignore[arg-type]
        try:
            page = await scene.new_page()
            seen = Visit(page, script, wire)
            page.on("console", seen.note_console)
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            page.on("request", seen.note_request)
            await page.goto(wire.url + path)
            yield seen
        finally:
            await scene.close()


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The page is built from what is in the checkout."""
    build()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a module."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"no Chromium on this machine: install one of {', '.join(names)}")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        await running.close()


@pytest.fixture
def script() -> Script:
    """A script with an hour of traffic and four alerts."""
    script = Script().traffic()
    script.alert("reject_ratio", "firing", 40, value=0.31, threshold=0.2)
    script.alert("volume_spike", "pending", 57, value=8_400_000, threshold=2_100_000)
    script.alert("port_sweep", "firing", 52, value=214, threshold=50)
    script.alert("reject_ratio", "resolved", 12, value=0.09, threshold=0.2)
    script.board.take_dead([("why", b"late"), ("count", b"12")])
    for kind, text in (
        ("delay", "lines came up to 71 s after their flow ended"),
        ("gap", "nothing came for 1260 s"),
    ):
        script.health(kind, text)
    return script


@pytest.fixture
def visiting() -> object:
    """How a test opens the page."""
    return visit


@pytest.fixture
def empty() -> Script:
    """A script in which nothing has happened yet."""
    return Script()
