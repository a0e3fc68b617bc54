"""The web server of `vpcflow serve`: routes and static files, all from one origin.

`query.py` computes the answers, `live.py` streams, and `process.py` runs the server with the feeds. The
server has GET routes only, no cookies and no forms, and a content security policy that limits the page to
this origin.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from connectors.http_log import listener_logger
from connectors.settings import DEFAULT_URL
from streams.web import hosts, metrics, query
from streams.web.conversations.routes import ConversationRoutes
from streams.web.live import Live, View, names, state
from streams.web.shell import STATIC, shell
from streams.web.state.board import Board
from streams.web.stats import stats

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
IMMUTABLE = "public, max-age=31536000, immutable"
MAX_ROWS = 1000
SHUTDOWN_S = 3.0
PROBES = ("/livez", "/readyz")
"""Routes that accept any `Host`: kubelets and load balancers use addresses, and the answers hold no data."""


class PortInUse(RuntimeError):
    """The server cannot listen on the address; the message names the settings."""


class Source(Protocol):
    """The source of the data of a board: the Kafka feed, or a script in a test."""

    board: Board


class Page:
    """The routes of the page for one board."""

    def __init__(self, board: Board, live: Live, clock: Callable[[], float]) -> None:
        self._board = board
        self._live = live
        self._clock = clock
        self._conversations = ConversationRoutes(board)
        self._registry = metrics.registry(board, live, clock)

    def routes(self) -> list[web.RouteDef]:
        """Return every route."""
        return [
            web.get("/", self.index),
            web.get("/static/{name}", self.static),
            web.get("/api/live", self.live),
            web.get("/api/series", self.series),
            web.get("/api/top", self.top),
            web.get("/api/alerts", self.alerts),
            web.get("/api/health", self.health),
            web.get("/api/stats", self.stats),
            web.get("/api/export.csv", self.export),
            web.get("/api/conversations", self._conversations.conversations),
            web.get("/metrics", self.metrics),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
        ]

    async def index(self, _: web.Request) -> web.Response:
        """Return the HTML; it is rendered for each request, so a new build needs no restart."""
        return web.Response(text=shell(), content_type="text/html", headers={"Cache-Control": "no-cache"})

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Return a built file; its name contains its hash, so it is immutable."""
        path = STATIC / request.match_info["name"]
        if path.parent != STATIC or path.suffix not in (".js", ".css") or not path.is_file():
            raise web.HTTPNotFound(text="no such file")
        return web.FileResponse(path, headers={"Cache-Control": IMMUTABLE})

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the changes of the board to one client."""
        return await self._live.serve(request, _view(request))

    async def series(self, request: web.Request) -> web.Response:
        """Return the points of the chart."""
        fields = ["start", "window_s"]
        for action in ("accept", "reject", "unknown"):
            fields += [f"{action}_flows", f"{action}_packets", f"{action}_bytes"]
        points = query.series(self._board.history, _range_s(request))
        return _json({"fields": [*fields, "is_final"], "points": points})

    async def top(self, request: web.Request) -> web.Response:
        """Return the table of the largest ENIs."""
        return _json(self._top(request))

    async def export(self, request: web.Request) -> web.Response:
        """Return the table as CSV."""
        disposition = f'attachment; filename="vpcflow-top-{_view(request).by}.csv"'
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        table = self._top(request)
        named = names(self._board, [row.eni for row in table.rows], self._clock())
        return web.Response(text=query.to_csv(table, named), content_type="text/csv", headers=headers)

    async def alerts(self, _: web.Request) -> web.Response:
        """Return every alert of the board."""
        return _json(self._board.alerts())

    async def health(self, _: web.Request) -> web.Response:
        """Return the data health reported by the connectors: losses, gaps, repeats, delays."""
        return _json(self._board.data_health())

    async def stats(self, _: web.Request) -> web.Response:
        """Return the live numbers, the watermark, the delay since arrival, and the sizes of the board."""
        now = self._clock()
        found = {"now": now, "state": state(self._board, now), **stats(self._board, now)}
        return _json({**found, "clients": self._live.clients})

    async def metrics(self, _: web.Request) -> web.Response:
        """Return the metrics in the Prometheus text format."""
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def livez(self, _: web.Request) -> web.Response:
        """Return 200: the process is running."""
        return web.Response(text="up\n")

    async def readyz(self, _: web.Request) -> web.Response:
        """Return 200 if the topics are read up to their last known ends, else 503."""
        if self._board.is_caught_up:
            return web.Response(text="ready\n")
        behind = f"catching up: {self._board.behind_messages} messages behind\n"
        return web.Response(status=503, text=behind)

    def _top(self, request: web.Request) -> query.Top:
        n = request.query.get("n", "10")
        if not (n.isascii() and n.isdigit() and 1 <= int(n) <= MAX_ROWS):
            raise web.HTTPBadRequest(text=f"n is {n!r}: use a number from 1 to {MAX_ROWS}")
        return query.top(self._board.history, _view(request).by, _range_s(request), int(n))


@asynccontextmanager
async def page(
    source: Source,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] = time.time,
    public_url: str = DEFAULT_URL,
) -> AsyncIterator[str]:
    """Serve the page for the board of `source`; yields its URL.

    `public_url` is the URL of the page for users; its host is accepted in addition to loopback names.
    """
    live = Live(source.board, clock)
    application = web.Application(middlewares=[_host_check(public_url)])
    application.on_response_prepare.append(_put_headers)
    application.add_routes(Page(source.board, live, clock).routes())

    async def end_streams(_: web.Application) -> None:
        live.close()

    application.on_shutdown.append(end_streams)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_S, logger=listener_logger("streams.web")
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        address = runner.addresses[0]
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        ticking = asyncio.create_task(live.run(), name="live")
        ticking.add_done_callback(_ends_with(asyncio.current_task()))
        try:
            yield f"http://{name}:{address[1]}"
        finally:
            await end_task(ticking)
    finally:
        await runner.cleanup()


def _ends_with(owner: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
    """Return a callback that cancels `owner` when a task fails; `end_task` then raises the error."""

    def end(task: asyncio.Task[None]) -> None:
        if owner is not None and not task.cancelled() and task.exception() is not None:
            owner.cancel()

    return end


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end. Raises the exception of the task."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:
        message = f"{host}:{port} is taken by another process; choose another port, or stop that process"
        if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
            message = f"cannot listen on VPCFLOW_HOST={host}, VPCFLOW_PORT={port}: {error}"
        raise PortInUse(message) from error


async def _put_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to every response: pages, errors and streams."""
    response.headers.update(HEADERS)


def _host_check(public_url: str) -> Middleware:
    """Return a middleware that refuses foreign host names (`hosts.py`)."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        why = hosts.refusal(request.headers.getall("Host", []), public_url)
        if why and request.path not in PROBES:
            raise web.HTTPMisdirectedRequest(text=why)
        return await handler(request)

    return check


def _view(request: web.Request) -> View:
    view = View(request.query.get("by", "bytes"), request.query.get("range", "1h"))
    if view.by not in query.ORDERS:
        raise web.HTTPBadRequest(text=f"by is {view.by!r}: use one of {', '.join(query.ORDERS)}")
    if view.range not in query.RANGES_S:
        raise web.HTTPBadRequest(text=f"range is {view.range!r}: use one of {', '.join(query.RANGES_S)}")
    return view


def _range_s(request: web.Request) -> int:
    return query.RANGES_S[_view(request).range]


def _json(value: object) -> web.Response:
    body = orjson.dumps(value)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
