"""The listener of the endpoint: address, access keys and certificate, checked before the start.

Firehose posts to HTTPS on port 443 only: use a load balancer with a certificate, or set one.
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

LINGER_S = 5.0  # reads the rest of a refused request this long, so that the refusal arrives
CLOSE_S = 0.5  # for the last answers to be sent
FIELD_MAX_BYTES = 128 << 10  # 50 common attributes of 256 + 1024 characters; a key may have 4,096 bytes

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Listening:
    """A running listener. `stop` accepts no more connections, and keeps the open ones."""

    port: int
    stop: Callable[[], Awaitable[None]]


def access_keys(settings: ConnectFirehose) -> tuple[bytes, ...]:
    """Return the accepted access keys. Raises `SettingsError` if there is none and others can connect."""
    given = (settings.firehose_key, settings.firehose_key_2)
    keys = tuple(key.get_secret_value().encode() for key in given if key.get_secret_value())
    if not keys and not _is_loopback(settings.firehose_host):
        raise SettingsError(
            f"VPCFLOW_FIREHOSE_HOST={settings.firehose_host} is not a loopback address:"
            " set VPCFLOW_FIREHOSE_KEY, and use it as the access key of the delivery stream"
        )
    return keys


def is_allowed(given: str | None, keys: tuple[bytes, ...]) -> bool:
    """Return whether a request has an accepted key. The comparison takes constant time."""
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
    """Return the TLS context, or None for plain HTTP. Raises `SettingsError` for invalid files."""
    cert, key = settings.firehose_cert, settings.firehose_cert_key
    if not cert and not key:
        return None
    if not cert or not key:
        raise SettingsError(
            "only one of VPCFLOW_FIREHOSE_CERT and VPCFLOW_FIREHOSE_CERT_KEY is set: set both, or neither"
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without this, OpenSSL would ask for the password on the terminal.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"VPCFLOW_FIREHOSE_CERT={cert} with VPCFLOW_FIREHOSE_CERT_KEY={key} cannot be used ({error}):"
            " both must be PEM files that this user may read, the key without a password"
        ) from error
    return context


@asynccontextmanager
async def listening(settings: ConnectFirehose, handler: Handler) -> AsyncIterator[Listening]:
    """Listen in the context. Raises `SettingsError` if the address or port cannot be used."""
    context = tls(settings)
    server = web.Server(
        handler,
        auto_decompress=False,  # aiohttp would inflate without a limit
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
                f"cannot listen on VPCFLOW_FIREHOSE_HOST={host}, VPCFLOW_FIREHOSE_PORT={port} ({error}):"
                " choose an address of this machine and a free port"
            ) from error
        yield Listening(runner.addresses[0][1], site.stop)
    finally:
        await runner.cleanup()


def _count(is_http: bool) -> None:
    metrics.REQUESTS.labels("error" if is_http else "no http").inc()
