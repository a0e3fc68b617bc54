"""Where notifications go: the log, and a webhook that speaks Alertmanager's format.

A sink delivers or raises: `SinkRefused` when the receiver will never take this, `SinkUnavailable` when it may
take it later. What to do then is `notify`'s business. Every sink may be handed the same alert twice;
receivers tell repeats by fingerprint and status.

The webhook body is version 4 of Alertmanager's webhook, so that any existing receiver
understands it. Neither the key nor the URL, which may carry a token of its own, is ever logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import aiohttp
import orjson
import structlog
from prometheus_client import Counter
from pydantic import SecretStr
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from yarl import URL

from connectors.settings import DEFAULT_URL
from streams.records import Alert

NOTIFICATIONS = Counter(
    "vpcflow_notifications_total", "Alerts handed to a sink, by what came of it.", ["sink", "outcome"]
)
SIGNATURE_HEADER = "X-Vpcflow-Signature"
OPEN_END = "0001-01-01T00:00:00Z"  # what Alertmanager, in Go, sends for "has not ended"
CONNECT_TIMEOUT_S = 5.0
# 4xx is the receiver's verdict and is not tried again, but for the two that mean "later" (RFC 9110 15.5.9,
# RFC 6585 4).
LATER = frozenset({408, 429})

log = structlog.get_logger(__name__)
Sleep = Callable[[float], Awaitable[None]]


class SinkRefused(Exception):
    """The receiver will not take this, now or later; the message says what it answered."""


class SinkUnavailable(Exception):
    """The receiver could not be reached, or asked for another try later; the message says how."""


class Sink(Protocol):
    """A place that takes notifications. `alerts` share one rule and one status."""

    @property
    def name(self) -> str:
        """The name in metrics and in the consumer group."""
        ...

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver all of them, or raise `SinkRefused` or `SinkUnavailable`."""
        ...


class LogSink:
    """Writes each transition as one log line; it never fails."""

    name = "log"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Log each alert: firing at warning, the rest at info."""
        for alert in alerts:
            write = log.warning if alert.status == "firing" else log.info
            write("alert", **alert.as_dict())


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a webhook is, and how patient we are with it."""

    url: str = field(repr=False)
    key: SecretStr | None = None  # signs each body with HMAC-SHA256
    external_url: str = DEFAULT_URL  # where people reach our page; links in the body begin with it
    name: str = "webhook"
    timeout_s: float = 10.0
    attempts: int = 6  # with the waits below: up to about a minute before the sink says it is unavailable
    wait_first_s: float = 1.0
    wait_max_s: float = 30.0

    def __post_init__(self) -> None:
        url = URL(self.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"the URL of webhook {self.name} must begin with http:// or https:// and a host")

    @property
    def place(self) -> str:
        """Scheme, host and port: all of the URL that may be shown."""
        return str(URL(self.url).origin())


class WebhookSink:
    """Posts alerts to one URL, signed if there is a key."""

    def __init__(self, webhook: Webhook, sleep: Sleep = asyncio.sleep) -> None:
        self.name = webhook.name
        self._webhook = webhook
        self._sleep = sleep

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Post them in one body; try again, with growing waits, what may succeed later."""
        webhook = self._webhook
        body = orjson.dumps(webhook_body(alerts, webhook.name, webhook.external_url))
        headers = {"Content-Type": "application/json", "User-Agent": "vpcflow"}
        if webhook.key is not None:
            headers[SIGNATURE_HEADER] = sign(body, webhook.key)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(webhook.attempts),
            wait=wait_random_exponential(multiplier=webhook.wait_first_s, max=webhook.wait_max_s),
            retry=retry_if_exception_type(SinkUnavailable),
            before_sleep=self._note_retry,
            sleep=self._sleep,
            reraise=True,
        )
        timeout = aiohttp.ClientTimeout(total=webhook.timeout_s, connect=CONNECT_TIMEOUT_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            await retrying(self._post, session, body)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        place = self._webhook.place
        try:
            # A redirect would send the alerts to a URL that is not configured: it counts as refused.
            async with session.post(self._webhook.url, data=body, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SinkUnavailable(f"{place} did not answer: {type(error).__name__}") from error
        if status >= 500 or status in LATER:
            raise SinkUnavailable(f"{place} answered {status}")
        if not 200 <= status < 300:
            raise SinkRefused(f"{place} answered {status}")

    def _note_retry(self, state: RetryCallState) -> None:
        NOTIFICATIONS.labels(self.name, "retried").inc()
        error = state.outcome.exception() if state.outcome else None
        log.warning("notification tried again", sink=self.name, attempt=state.attempt_number, why=str(error))


def sign(body: bytes, key: SecretStr) -> str:
    """Return the value of `SIGNATURE_HEADER`: the HMAC-SHA256 of the body exactly as posted."""
    digest = hmac.new(key.get_secret_value().encode(), body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def webhook_body(alerts: Sequence[Alert], receiver: str, external_url: str) -> dict[str, Any]:
    """Return Alertmanager's webhook body, version 4, for alerts that share rule and status."""
    shown = [_webhook_alert(alert, external_url) for alert in alerts]
    rule = alerts[0].rule
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{rule}"}}',
        "truncatedAlerts": 0,
        "status": alerts[0].status,
        "receiver": receiver,
        "groupLabels": {"alertname": rule},
        "commonLabels": _shared([alert["labels"] for alert in shown]),
        "commonAnnotations": _shared([alert["annotations"] for alert in shown]),
        "externalURL": external_url,
        "alerts": shown,
    }


def _webhook_alert(alert: Alert, external_url: str) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": {**alert.labels, "alertname": alert.rule, "severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "value": f"{alert.value:.6g}",
            "threshold": f"{alert.threshold:.6g}",
        },
        "startsAt": _rfc3339(alert.starts_at),
        "endsAt": _rfc3339(alert.ends_at) if alert.ends_at else OPEN_END,
        "generatorURL": f"{external_url.rstrip('/')}/{alert.url.lstrip('/')}",
        "fingerprint": alert.fingerprint,
    }


def _shared(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = mappings
    return {name: value for name, value in first.items() if all(o.get(name) == value for o in others)}


def _rfc3339(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
