"""`/metrics`, `/livez` and `/readyz` of a process without a page, on loopback, when a port is set."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from connectors.http_log import listener_logger
from connectors.settings import SettingsError


@asynccontextmanager
async def health(port: int, is_ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Serve while the block runs; port 0 serves nothing. Raises `SettingsError` when the port is taken."""
    if not port:
        yield
        return

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n") if is_ready() else web.Response(text="not yet\n", status=503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/livez", live), web.get("/readyz", ready)])
    runner = web.AppRunner(app, access_log=None, logger=listener_logger("connectors.health"))
    await runner.setup()
    try:
        await _listen(runner, port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        why = "is taken by another process" if is_taken else f"cannot be used ({error})"
        raise SettingsError(
            f"VPCFLOW_HEALTH_PORT={port} {why}: choose another port, or 0 for none"
        ) from error
