"""One port that plays AWS: Kinesis here, and a clear answer for every other service.

This edge reads a request, gives it and the time to `kinesis.service.answer`, and writes what comes back.
It holds no rule of Kinesis. Beside the service it serves `/_localstack/health`, as LocalStack does, and
`/_vpcflow/streams`, which says what is retained. Signatures are not checked; the credential scope in them
says which region, and which service, is meant.

Nothing heavy may be imported from here: the process takes 45 to 100 MB beside the records it retains.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata

import orjson
import structlog
from aiohttp import web

from emulator.kinesis import service, wire
from emulator.kinesis.store import Limits, Store
from emulator.kinesis.streams import Stream

REQUEST_MAX_BYTES = 16 << 20  # PutRecords takes 10 MiB, which is 14 MiB in base64
READ_BUFFER_BYTES = 1 << 20  # fewer pauses within a large request than with aiohttp's 64 KiB
SHUTDOWN_S = 2.0  # how long a request in flight may take when the server stops
CAP_WARNING_EVERY_MS = 10_000

Clock = Callable[[], int]
"""Returns the time in milliseconds since the epoch."""

log = structlog.get_logger("emulator")


class PortInUse(Exception):
    """Another process listens on the port; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves until it is stopped."""

    url: str
    port: int
    _runner: web.AppRunner = field(repr=False)

    async def stop(self) -> None:
        """Finish the requests in flight and close the port."""
        await self._runner.cleanup()


async def start(
    host: str, port: int, *, memory_cap_bytes: int = 1 << 30, retention_s: int = 86_400
) -> Running:
    """Serve on a port, 0 for any, and return. Raises `PortInUse`."""
    return await serve(Store(Limits(memory_cap_bytes, retention_s)), host, port)


async def serve(store: Store, host: str, port: int, clock: Clock | None = None) -> Running:
    """Serve a store of one's own, by a clock of one's own."""
    frontend = _Frontend(store, clock or wall_clock_ms)
    runner = web.AppRunner(
        frontend.application(),
        access_log=None,
        read_bufsize=READ_BUFFER_BYTES,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUse(
            f"Port {port} on {host} is in use. Stop the program that listens there (another emulator, or "
            "LocalStack), or choose another port."
        ) from None
    bound_port = int(runner.addresses[0][1])
    return Running(f"http://{host}:{bound_port}", bound_port, runner)


async def run(host: str, port: int, *, memory_cap_bytes: int, retention_s: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortInUse`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    running = await start(host, port, memory_cap_bytes=memory_cap_bytes, retention_s=retention_s)
    log.info("emulator ready", url=running.url, services=["kinesis"], memory_cap_bytes=memory_cap_bytes)
    try:
        await stopping.wait()
    finally:
        await running.stop()


@asynccontextmanager
async def emulator(
    port: int = 0,
    *,
    memory_cap_bytes: int = 1 << 30,
    retention_s: int = 86_400,
    transition_ms: int = 50,
    clock: Clock | None = None,
) -> AsyncIterator[str]:
    """Serve on loopback while in the context; yields the endpoint's URL."""
    store = Store(Limits(memory_cap_bytes, retention_s, transition_ms))
    running = await serve(store, "127.0.0.1", port, clock)
    try:
        yield running.url
    finally:
        await running.stop()


def wall_clock_ms() -> int:
    """Return the time of this machine."""
    return time.time_ns() // 1_000_000


class _Frontend:
    """The HTTP handlers around one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._warned_records = 0
        self._next_warning_ms = 0

    def application(self) -> web.Application:
        """Return the application to be served."""
        application = web.Application(client_max_size=REQUEST_MAX_BYTES)
        application.on_shutdown.append(self._last_words)
        application.router.add_get("/_localstack/health", self._health)
        application.router.add_get("/_vpcflow/streams", self._streams)
        application.router.add_route("*", "/{path:.*}", self._call)
        return application

    async def _call(self, request: web.Request) -> web.Response:
        headers = request.headers
        scope, service_name = wire.credential_scope(headers.get("Authorization", ""))
        operation = wire.operation_of(headers.get("X-Amz-Target", ""))
        body = await request.read()
        now_ms = self._clock()
        if operation is None:
            return _respond(wire.not_played(service_name, headers.get("X-Amz-Target", "")))
        content_type = headers.get("Content-Type", "")
        answer = service.answer(
            self._store, service.HttpRequest(operation, scope, content_type, body), now_ms
        )
        self._warn_of_cap(now_ms)
        return _respond(answer)

    async def _health(self, _: web.Request) -> web.Response:
        return _json({"services": {"kinesis": "running"}, "edition": "community", "version": _version()})

    async def _streams(self, _: web.Request) -> web.Response:
        now_ms = self._clock()
        store = self._store
        return _json(
            {
                "retained_bytes": store.retained_bytes,
                "memory_cap_bytes": store.limits.memory_cap_bytes,
                "trimmed_by_cap": {"records": store.capped.records, "bytes": store.capped.bytes},
                "streams": [_summary(stream, now_ms) for stream in store.all_streams(now_ms)],
            }
        )

    def _warn_of_cap(self, now_ms: int) -> None:
        """Say that the cap has cost records, at most every ten seconds."""
        new = self._store.capped.records - self._warned_records
        if not new or now_ms < self._next_warning_ms:
            return
        self._warned_records += new
        self._next_warning_ms = now_ms + CAP_WARNING_EVERY_MS
        log.warning(
            "memory cap reached, oldest records trimmed before their retention ended",
            records=new,
            records_total=self._store.capped.records,
            memory_cap_bytes=self._store.limits.memory_cap_bytes,
        )

    async def _last_words(self, _: web.Application) -> None:
        """Say what the ten seconds have kept back, so that no loss goes unsaid."""
        self._next_warning_ms = 0
        self._warn_of_cap(self._clock())


def _respond(answer: wire.Answer) -> web.Response:
    # AWS sends no content type with an empty body, but clients take this one just as well.
    return web.Response(
        body=answer.body,
        status=answer.status,
        headers={"Content-Type": wire.CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())},
    )


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _summary(stream: Stream, now_ms: int) -> dict[str, object]:
    shards = [
        {
            "shard_id": shard.shard_id,
            "records": shard.record_count,
            "bytes": shard.retained_bytes,
            "trimmed": shard.trimmed_records,
            "put": shard.next_index - 1,
        }
        for shard in stream.shards
    ]
    return {"name": stream.name, "arn": stream.arn, "status": stream.status(now_ms), "shards": shards}


def _version() -> str:
    try:
        return metadata.version("vpc-flow-streams")
    except metadata.PackageNotFoundError:  # run from a checkout
        return "checkout"
