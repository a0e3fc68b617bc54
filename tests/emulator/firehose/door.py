"""A service behind a real HTTP port of its own, for tests that need no other service beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from emulator.http.messages import Incoming, Service

MOST_BYTES = 1 << 30


@asynccontextmanager
async def door(service: Service) -> AsyncIterator[str]:
    """Serve on loopback while in the context; yields the URL."""

    async def pass_on(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        outgoing = await service(Incoming(request.method, request.raw_path, headers, await request.read()))
        assert isinstance(outgoing.body, bytes)
        return web.Response(status=outgoing.status, headers=dict(outgoing.headers), body=outgoing.body)

    application = web.Application(client_max_size=MOST_BYTES, handler_args={"auto_decompress": False})
    application.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
