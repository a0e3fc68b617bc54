"""The emulator's server: one port for Kinesis and every other AWS service.

This module only combines the parts: `http/` reads requests, `router` finds their service, `kinesis/http` and
the other services answer them, `inspection` shows the state. Signatures are required but not verified; their
credential scope selects Region and service.

This module must not import large libraries: the process uses 30 to 80 MB in addition to the retained records,
and answers within 0.7 s of its start.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emulator.http import certificate
from emulator.http.limits import HttpLimits
from emulator.http.listener import HttpListener, listen
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.inspection import Inspection, Page
from emulator.kinesis.http.endpoint import Answerer, KinesisEndpoint
from emulator.kinesis.store import Store, StoreLimits
from emulator.lazy_services import LazyServices
from emulator.log import log
from emulator.persistence import persist
from emulator.router import Router, is_inflated, largest_body
from emulator.runtime_options import RuntimeOptions, StartOptions

Clock = Callable[[], int]
"""Returns the time in milliseconds since the epoch."""


class PortInUse(Exception):
    """The server cannot listen on the port, usually because it is in use. The message has what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS with a certificate in a folder, or in a temporary folder if it is None."""

    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a server other than its store; each default behaves as AWS does without faults.

    A custom `answerer` replaces the one whose limits and faults are set over HTTP.
    """

    clock: Clock | None = None
    answerer: Answerer | None = None
    pages: Mapping[str, Page] = field(default_factory=dict)
    http_limits: HttpLimits = field(
        default_factory=lambda: HttpLimits(body_max_bytes=largest_body, inflates=is_inflated)
    )
    tls: Tls | None = None
    options: StartOptions = field(default_factory=StartOptions)
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """A running server. With TLS, `authority` is the certificate that clients must trust."""

    url: str
    port: int
    authority: Path | None = None
    _listener: HttpListener = field(repr=False, kw_only=True)
    _endings: tuple[Callable[[], Awaitable[None]], ...] = field(repr=False, kw_only=True)

    async def stop(self) -> None:
        """Finish the requests in progress and close the port."""
        await self._listener.close()
        for ending in self._endings:
            await ending()


async def serve(
    store: Store, host: str, port: int, clock: Clock | None = None, parts: Parts | None = None
) -> Running:
    """Start a server with a given store and clock. Raises `PortInUse` and `FolderError`."""
    parts = parts or Parts()
    clock = clock or parts.clock or wall_clock_ms
    options = RuntimeOptions(store, clock, parts.options)
    kinesis = KinesisEndpoint(store, clock, parts.answerer or options.answerer)
    lazy = LazyServices(store, clock)
    own = {"/_vpcflow/firehose": lazy.firehose_page, **lazy.flow_log_pages()}
    pages = {**options.pages(), **own, **parts.pages}
    inspection = Inspection(store, clock, lambda: kinesis.calls, health=lazy.health, pages=pages)
    persistent = persist(kinesis, store, parts.options.data_dir, clock())
    router = Router(
        persistent.service, lazy.firehose, lazy.ec2, lazy.logs, inspection=inspection, others=lazy.others
    )
    authority = certificate.authority_path(parts.tls.folder, host) if parts.tls is not None else None
    context = certificate.context(authority) if authority is not None else None
    try:
        listener = await listen(_answering(router), host, port, limits=parts.http_limits, tls=context)
    except (OSError, UnicodeError) as error:
        await persistent.stop()
        if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
            raise PortInUse(f"Cannot listen on port {port} of {host}: {error}.") from None
        raise PortInUse(
            f"Port {port} on {host} is in use. Stop the program that listens there (another emulator, or "
            "LocalStack), or choose another port."
        ) from None

    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    lazy.url = f"http://{reached}:{listener.port}"

    async def log_trimmed() -> None:
        kinesis.log_trimmed()

    endings = (log_trimmed, lazy.stop, *parts.on_stop, persistent.stop)
    url = f"http://{host}:{listener.port}"
    return Running(url, listener.port, authority, _listener=listener, _endings=endings)


def _answering(service: Service) -> Service:
    """Return a service that never raises: an unexpected error is logged and answered with status 500."""

    async def answer(incoming: Incoming) -> Outgoing:
        try:
            return await service(incoming)
        except Exception as error:
            path = incoming.target.partition("?")[0]
            log.error("request failed with an unexpected error", path=path, exc_info=error)
            return Outgoing(500, {"Content-Type": "text/plain"}, b"The emulator failed. See its log.\n")

    return answer


async def run(
    host: str, port: int, *, memory_cap_bytes: int, retention_s: int, parts: Parts | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortInUse` and `FolderError`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    store = Store(StoreLimits(memory_cap_bytes, retention_s))
    running = await serve(store, host, port, parts=parts)
    fields: dict[str, object] = {"url": running.url, "services": ["kinesis"]}
    if running.authority is not None:
        fields["trust"] = str(running.authority)
    try:
        # In a thread: it loads structlog, and the first request must not wait for that.
        await asyncio.to_thread(log.info, "emulator ready", **fields, memory_cap_bytes=memory_cap_bytes)
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
    """Serve on loopback within the context. Yields the endpoint's URL."""
    store = Store(StoreLimits(memory_cap_bytes, retention_s, transition_ms))
    running = await serve(store, "127.0.0.1", port, clock)
    try:
        yield running.url
    finally:
        await running.stop()


def wall_clock_ms() -> int:
    """Return the system time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
