"""Where the endpoint for Firehose listens, with which keys and which certificate. Checked before it starts.

AWS posts to https on port 443 only: listen behind a load balancer that has the certificate, or give one.
"""

from __future__ import annotations

import hmac
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from connectors import metrics
from connectors.http_log import listener_logger
from connectors.settings import ConnectFirehose, SettingsError

KEEPALIVE_S = 75.0
"""How long a connection may take for the head of a request, its first included. Longer than the 60 s after
which a load balancer gives up an idle one, so that it never sends into one that we have closed."""

LINGER_S = 5.0  # what is still sent after a refusal is read this long, so that the refusal arrives
CLOSE_S = 0.5  # for answers that were given, to be sent
FIELD_MAX_BYTES = 128 << 10  # 50 common attributes of 256 + 1024 characters; a key may have 4,096 bytes

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener. `stop` takes no more connections and leaves those that are there."""

    port: int
    stop: Callable[[], Awaitable[None]]


def access_keys(settings: ConnectFirehose) -> tuple[bytes, ...]:
    """Return the keys of which a request must carry one. Raises `SettingsError` if there must be one."""
    given = (settings.firehose_key, settings.firehose_key_2)
    keys = tuple(key.get_secret_value().encode() for key in given if key.get_secret_value())
    if not keys and not _is_loopback(settings.firehose_host):
        raise SettingsError(
            f"VPCFLOW_FIREHOSE_HOST={settings.firehose_host} can be reached by others:"
            " set VPCFLOW_FIREHOSE_KEY, and give it to the delivery stream as its access key"
        )
    return keys


def is_allowed(given: str | None, keys: tuple[bytes, ...]) -> bool:
    """Say whether a request may be read. Every key is compared whole, so that time tells nothing."""
    if not keys:
        return True
    offered = (given or "").encode("utf-8", "surrogateescape")
    return any([hmac.compare_digest(offered, key) for key in keys])  # noqa: C419 - a list: no early end


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls(settings: ConnectFirehose) -> ssl.SSLContext | None:
    """Return what TLS needs, or None for plain HTTP. Raises `SettingsError` on files that cannot be used."""
    cert, key = settings.firehose_cert, settings.firehose_cert_key
    if not cert and not key:
        return None
    if not cert or not key:
        raise SettingsError("VPCFLOW_FIREHOSE_CERT and VPCFLOW_FIREHOSE_CERT_KEY are set both, or neither")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A key with a password would ask the terminal for it.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"VPCFLOW_FIREHOSE_CERT={cert} with VPCFLOW_FIREHOSE_CERT_KEY={key} cannot be used ({error}):"
            " both must be PEM files that this user may read, the key without a password"
        ) from error
    return context


@asynccontextmanager
async def listening(settings: ConnectFirehose, handler: Handler) -> AsyncIterator[Listening]:
    """Serve while the block runs. Raises `SettingsError` when one cannot listen there."""
    context = tls(settings)
    server = web.Server(
        handler,
        auto_decompress=False,  # aiohttp would inflate without our cap
        keepalive_timeout=KEEPALIVE_S,
        lingering_time=LINGER_S,
        max_field_size=FIELD_MAX_BYTES,
        access_log=None,
        logger=listener_logger("connectors.firehose.connector", _count),
    )
    runner = web.ServerRunner(server, shutdown_timeout=CLOSE_S)
    await runner.setup()
    host, port = settings.firehose_host, settings.firehose_port
    try:
        site = web.TCPSite(runner, host, port, ssl_context=context)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:  # A name that is too long for DNS is a UnicodeError.
            raise SettingsError(
                f"cannot listen on VPCFLOW_FIREHOSE_HOST={host}, VPCFLOW_FIREHOSE_PORT={port}: {error}"
            ) from error
        yield Listening(runner.addresses[0][1], site.stop)
    finally:
        await runner.cleanup()


def _count(is_http: bool) -> None:
    metrics.REQUESTS.labels("error" if is_http else "no http").inc()
