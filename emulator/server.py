"""The emulator's server: one port for Kinesis and every other AWS service.

This module only combines the parts: `http/` reads requests, `router` finds their service, `kinesis/endpoint`
and the other services answer them, `inspection` shows the state. Signatures are required but not verified;
their credential scope selects Region and service.

Nothing heavy may be imported from here: the process takes 30 to 80 MB beside the records it retains, and
answers within 0.7 s of its start.
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
from emulator.http.listener import Listener, listen
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.http.rules import Rules
from emulator.inspection import Inspection, Page
from emulator.kinesis.http.endpoint import Answerer, KinesisEndpoint
from emulator.kinesis.store import Store, StoreLimits
from emulator.lazy_services import LazyServices
from emulator.log import log
from emulator.persistence import keep
from emulator.router import Router, is_inflated, largest_body
from emulator.runtime_options import RuntimeOptions, StartOptions

Clock = Callable[[], int]
"""Returns the time in milliseconds since the epoch."""


class PortInUse(Exception):
    """One cannot listen there, mostly because another process does; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS is wanted; its certificate is kept in a folder, or made anew in a temporary one."""

    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a server other than its store; each default behaves as AWS does without faults.

    A custom `answerer` replaces the one whose limits and faults are set over HTTP.
    """

    clock: Clock | None = None
    answerer: Answerer | None = None
    pages: Mapping[str, Page] = field(default_factory=dict)
    rules: Rules = field(default_factory=lambda: Rules(body_max_bytes=largest_body, inflates=is_inflated))
    tls: Tls | None = None
    asked: StartOptions = field(default_factory=StartOptions)
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves until it is stopped. `authority` is the certificate to trust, if it has TLS."""

    url: str
    port: int
    authority: Path | None = None
    _listener: Listener = field(repr=False, kw_only=True)
    _endings: tuple[Callable[[], Awaitable[None]], ...] = field(repr=False, kw_only=True)

    async def stop(self) -> None:
        """Finish the requests in flight and close the port."""
        await self._listener.close()
        for ending in self._endings:
            await ending()


async def start(
    host: str, port: int, *, memory_cap_bytes: int = 1 << 30, retention_s: int = 86_400
) -> Running:
    """Serve on a port, 0 for any, and return. Raises `PortInUse`."""
    return await serve(Store(StoreLimits(memory_cap_bytes, retention_s)), host, port)


async def serve(
    store: Store, host: str, port: int, clock: Clock | None = None, parts: Parts | None = None
) -> Running:
    """Serve a store of one's own, by a clock of one's own. Raises `PortInUse`, and `FolderError`."""
    parts = parts or Parts()
    clock = clock or parts.clock or wall_clock_ms
    behaviour = RuntimeOptions(store, clock, parts.asked)
    kinesis = KinesisEndpoint(store, clock, parts.answerer or behaviour.answerer)
    beside = LazyServices(store, clock)
    own = {"/_vpcflow/firehose": beside.firehose_page, **beside.flow_log_pages()}
    pages = {**behaviour.pages(), **own, **parts.pages}
    inspection = Inspection(store, clock, lambda: kinesis.calls, health=beside.health, pages=pages)
    kept = keep(kinesis, store, parts.asked.data_dir, clock())
    router = Router(
        kept.service, beside.firehose, beside.ec2, beside.logs, inspection=inspection, others=beside.others
    )
    authority = certificate.authority_path(parts.tls.folder, host) if parts.tls is not None else None
    context = certificate.context(authority) if authority is not None else None
    try:
        listener = await listen(_answering(router), host, port, rules=parts.rules, tls=context)
    except (OSError, UnicodeError) as error:
        await kept.stop()
        if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
            raise PortInUse(f"Cannot listen on port {port} of {host}: {error}.") from None
        raise PortInUse(
            f"Port {port} on {host} is in use. Stop the program that listens there (another emulator, or "
            "LocalStack), or choose another port."
        ) from None

    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    beside.url = f"http://{reached}:{listener.port}"

    async def last_words() -> None:
        kinesis.log_trimmed()

    endings = (last_words, beside.stop, *parts.on_stop, kept.stop)
    url = f"http://{host}:{listener.port}"
    return Running(url, listener.port, authority, _listener=listener, _endings=endings)


def _answering(service: Service) -> Service:
    """Return a service that always answers: an unexpected error is logged and becomes a 500."""

    async def answer(incoming: Incoming) -> Outgoing:
        try:
            return await service(incoming)
        except Exception as error:
            path = incoming.target.partition("?")[0]
            log.error("request failed with an unexpected error", path=path, exc_info=error)
            return Outgoing(500, {"Content-Type": "text/plain"}, b"The emulator failed; its log says why.\n")

    return answer


async def run(
    host: str, port: int, *, memory_cap_bytes: int, retention_s: int, parts: Parts | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortInUse`, and `FolderError`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    store = Store(StoreLimits(memory_cap_bytes, retention_s))
    running = await serve(store, host, port, parts=parts)
    said: dict[str, object] = {"url": running.url, "services": ["kinesis"]}
    if running.authority is not None:
        said["trust"] = str(running.authority)
    try:
        # In a thread, for it loads structlog, and the first request need not wait for that.
        await asyncio.to_thread(log.info, "emulator ready", **said, memory_cap_bytes=memory_cap_bytes)
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
    store = Store(StoreLimits(memory_cap_bytes, retention_s, transition_ms))
    running = await serve(store, "127.0.0.1", port, clock)
    try:
        yield running.url
    finally:
        await running.stop()


def wall_clock_ms() -> int:
    """Return the time of this machine."""
    return time.time_ns() // 1_000_000
