"""The process of `connect firehose`: the HTTP endpoint that a Firehose delivery stream posts to.

One instance is usually enough: it accepts hundreds of requests per second, and Firehose keeps the data while
it restarts. Several instances share the slots, and each answers 503 to a request of another instance's slot.
They need a proxy that tries the next instance after a 503, also for POST (nginx: `proxy_next_upstream
http_503 non_idempotent`). With a balancer that does not, Firehose retries until it reaches the owner, unless
the balancer sends a request id always to the same instance.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from connectors.firehose.handler import Receiver
from connectors.firehose.listener import listening
from connectors.health_endpoint import health_endpoint
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose

log = structlog.get_logger()


async def run(settings: ConnectFirehose) -> None:
    """Receive requests until SIGTERM or SIGINT; then commit and answer the running ones.

    Raises `TopicError`, or `SettingsError` if keys, certificate, address or port are invalid.
    """
    receiver = Receiver(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        health_endpoint(settings, lambda: receiver.is_ready),
        listening(settings, receiver.handle) as listener,
    ):
        await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
        log.info("listening", host=settings.firehose_host, port=listener.port)
        await receive(receiver, stop, listener.stop)


async def receive(
    receiver: Receiver, stop: asyncio.Event, stop_listening: Callable[[], Awaitable[None]]
) -> None:
    """Own slots until `stop` is set and the running requests are answered."""
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
