"""The sinks of notifications: the log, and a webhook in Alertmanager's format.

A sink delivers or raises: `SinkRefused` if the receiver will never accept the alerts, `SinkUnavailable` if it
may accept them later. `notify` decides about retries. A sink can receive the same alert twice; receivers
recognise repeats by fingerprint and status.

The webhook body is version 4 of Alertmanager's webhook, which existing receivers accept. Neither the key nor
the URL, which can contain a token, is ever logged.
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
    "vpcflow_notifications_total", "Alerts delivered to a sink, by outcome.", ["sink", "outcome"]
)
SIGNATURE_HEADER = "X-Vpcflow-Signature"
OPEN_END = (
    "0001-01-01T00:00:00Z"  # the zero time of Go, which Alertmanager sends for an alert that has not ended
)
CONNECT_TIMEOUT_S = 5.0
# A 4xx status is final, except for the two that ask for a retry (RFC 9110 15.5.9, RFC 6585 4).
LATER = frozenset({408, 429})

log = structlog.get_logger(__name__)
Sleep = Callable[[float], Awaitable[None]]


class SinkRefused(Exception):
    """The receiver refuses the alerts permanently; the message has its status."""


class SinkUnavailable(Exception):
    """The receiver is unreachable or asks for a retry; the message has the cause."""


class Sink(Protocol):
    """A receiver of notifications. The alerts of one call have one rule and one status."""

    @property
    def name(self) -> str:
        """The name in metrics and in the consumer group."""
        ...

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver all alerts. Raises `SinkRefused` or `SinkUnavailable`."""
        ...


class LogSink:
    """The sink that writes each transition as one log line; it never fails."""

    name = "log"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Log each alert: firing alerts at level warning, others at level info."""
        for alert in alerts:
            write = log.warning if alert.status == "firing" else log.info
            write("alert", **alert.as_dict())


@dataclass(frozen=True, slots=True)
class Webhook:
    """The URL, the key and the retry limits of a webhook."""

    url: str = field(repr=False)
    key: SecretStr | None = None  # signs each body with HMAC-SHA256
    external_url: str = DEFAULT_URL  # URL of the page for users; links in the body begin with it
    name: str = "webhook"
    timeout_s: float = 10.0
    attempts: int = 6  # with the waits below, about a minute until `SinkUnavailable`
    wait_first_s: float = 1.0
    wait_max_s: float = 30.0

    def __post_init__(self) -> None:
        url = URL(self.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"the URL of webhook {self.name} must begin with http:// or https:// and a host")

    @property
    def origin(self) -> str:
        """Scheme, host and port: the part of the URL without secrets."""
        return str(URL(self.url).origin())


class WebhookSink:
    """The sink that posts alerts to one URL, signed if there is a key."""

    def __init__(self, webhook: Webhook, sleep: Sleep = asyncio.sleep) -> None:
        self.name = webhook.name
        self._webhook = webhook
        self._sleep = sleep

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Post the alerts in one body, with retries and exponential waits. See `Sink.send`."""
        webhook = self._webhook
        body = orjson.dumps(webhook_body(alerts, webhook.name, webhook.external_url))
        headers = {"Content-Type": "application/json", "User-Agent": "vpcflow"}
        if webhook.key is not None:
            headers[SIGNATURE_HEADER] = sign(body, webhook.key)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(webhook.attempts),
            wait=wait_random_exponential(multiplier=webhook.wait_first_s, max=webhook.wait_max_s),
            retry=retry_if_exception_type(SinkUnavailable),
            before_sleep=self._log_retry,
            sleep=self._sleep,
            reraise=True,
        )
        timeout = aiohttp.ClientTimeout(total=webhook.timeout_s, connect=CONNECT_TIMEOUT_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            await retrying(self._post, session, body)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        origin = self._webhook.origin
        try:
            # A redirect would send the alerts to a URL that is not configured, so it counts as refused.
            async with session.post(self._webhook.url, data=body, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SinkUnavailable(f"{origin} did not answer: {type(error).__name__}") from error
        if status >= 500 or status in LATER:
            raise SinkUnavailable(f"{origin} answered {status}")
        if not 200 <= status < 300:
            raise SinkRefused(f"{origin} answered {status}")

    def _log_retry(self, state: RetryCallState) -> None:
        NOTIFICATIONS.labels(self.name, "retried").inc()
        error = state.outcome.exception() if state.outcome else None
        log.warning("notification retried", sink=self.name, attempt=state.attempt_number, why=str(error))


def sign(body: bytes, key: SecretStr) -> str:
    """Return the value of `SIGNATURE_HEADER`: the HMAC-SHA256 of the posted body."""
    digest = hmac.new(key.get_secret_value().encode(), body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def webhook_body(alerts: Sequence[Alert], receiver: str, external_url: str) -> dict[str, Any]:
    """Return Alertmanager's webhook body, version 4, for alerts of one rule and one status."""
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
