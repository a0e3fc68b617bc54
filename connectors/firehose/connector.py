"""The process of `connect firehose`: the HTTP endpoint that a Firehose delivery stream posts to.

One instance is enough: it takes hundreds of requests a second, and Firehose keeps what comes while it starts
again. Several share the slots, and each answers 503 to requests of slots that are another's. So put them
behind a proxy that tries the next one on 503, for POST too (nginx: `proxy_next_upstream http_503
non_idempotent`). Behind a balancer that does not, Firehose itself comes again until it finds the owner; a
balancer that sends a request id always to the same instance would keep it from that.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from connectors.firehose.handler import Receiver
from connectors.firehose.listener import listening
from connectors.health import health
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose

log = structlog.get_logger()


async def run(settings: ConnectFirehose) -> None:
    """Receive until SIGTERM or SIGINT; then what is under way is committed and answered.

    Raises `TopicError`, or `SettingsError` when keys, certificate, address or port cannot be used.
    """
    receiver = Receiver(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        health(settings, lambda: receiver.is_ready),
        listening(settings, receiver.handle) as listener,
    ):
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        log.info("listening", host=settings.firehose_host, port=listener.port)
        await receive(receiver, stop, listener.stop)


async def receive(
    receiver: Receiver, stop: asyncio.Event, stop_listening: Callable[[], Awaitable[None]]
) -> None:
    """Own slots until `stop` is set, and until what was under way then is done."""
    closing = asyncio.Event()
    owning = asyncio.ensure_future(receiver.ownership.run(closing))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([owning, stopped], return_when=asyncio.FIRST_COMPLETED)
        await stop_listening()
        if not owning.done():
            await receiver.drain()
    finally:
        stopped.cancel()
        closing.set()
        await owning
