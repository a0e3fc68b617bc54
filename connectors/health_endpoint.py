"""`/metrics`, `/livez` and `/readyz` of a process without a page, if `VPCFLOW_HEALTH_PORT` is set."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from connectors.http_log import listener_logger
from connectors.settings import Common, SettingsError


@asynccontextmanager
async def health_endpoint(settings: Common, is_ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Serve while the block runs; port 0 serves nothing. Raises `SettingsError` if it cannot listen."""
    if not settings.health_port:
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
    runner = web.AppRunner(app, access_log=None, logger=listener_logger("connectors.health_endpoint"))
    await runner.setup()
    try:
        await _listen(runner, settings.health_host, settings.health_port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:  # A name that is too long for DNS is a UnicodeError.
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"VPCFLOW_HEALTH_PORT={port} is taken by another process: choose another port, or 0 for none"
            ) from error
        raise SettingsError(
            f"cannot listen on VPCFLOW_HEALTH_HOST={host}, VPCFLOW_HEALTH_PORT={port} ({error}): use"
            " 127.0.0.1, 0.0.0.0 or an address of this machine"
        ) from error
