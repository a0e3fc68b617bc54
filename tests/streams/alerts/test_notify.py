"""Who is told what: groups, what only the log hears, and a webhook against a real HTTP server."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import orjson
import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs

from connectors.kafka.clients.connection import KafkaConnection
from streams.alerts.notify import NEXT_ROUND_S, NotifyError, deliver, run
from streams.alerts.sinks import (
    NOTIFICATIONS,
    OPEN_END,
    SIGNATURE_HEADER,
    LogSink,
    SinkRefused,
    SinkUnavailable,
    Webhook,
    WebhookSink,
    webhook_body,
)
from streams.records import Alert

KEY = "a-very-secret-key"
FIRING = Alert(
    fingerprint="00112233aabbccdd",
    rule="port_scan",
    severity="warning",
    status="firing",
    labels={"eni": "eni-1"},
    summary="about 200 ports tried",
    value=200.0,
    threshold=50.0,
    window_start=1_700_000_040,
    window_end=1_700_000_100,
    starts_at=1_700_000_040,
    ends_at=0,
    url="/?v=1&eni=eni-1&from=1700000040&to=1700000100",
)
RESOLVED = replace(FIRING, status="resolved", ends_at=1_700_000_100)
PENDING = replace(FIRING, status="pending", rule="reject_ratio")
CAME_TO_NOTHING = replace(PENDING, status="resolved", ends_at=PENDING.starts_at)


@dataclass
class Receiver:
    """A real HTTP server that answers with the statuses it was given, then 200."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Keep what came, and answer with the next status."""
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    """Serve a `Receiver` on a free port."""
    served = Receiver(list(statuses))
    app = web.Application()
    app.router.add_post("/hook", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=hidden"
        yield served
    finally:
        await runner.cleanup()


class Waits:
    """A sleep that takes no time and remembers how long it was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def count(sink: str, outcome: str) -> float:
    """Read the counter."""
    return float(NOTIFICATIONS.labels(sink, outcome)._value.get())


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_the_webhook_gets_alertmanagers_body() -> None:
    """Version 4, with every field a receiver may look for."""
    async with receiver() as served:
        sink = WebhookSink(Webhook(served.url, external_url="https://flows.example/"))
        other = replace(FIRING, fingerprint="ff", labels={"eni": "eni-2"})
        await sink.send([FIRING, other])
    body = orjson.loads(served.bodies[0])
    assert served.headers[0]["Content-Type"] == "application/json"
    assert SIGNATURE_HEADER not in served.headers[0]
    first, second = body.pop("alerts")
    assert body == {
        "version": "4",
        "groupKey": '{}:{alertname="port_scan"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "webhook",
        "groupLabels": {"alertname": "port_scan"},
        "commonLabels": {"alertname": "port_scan", "severity": "warning"},
        "commonAnnotations": {"summary": "about 200 ports tried", "value": "200", "threshold": "50"},
        "externalURL": "https://flows.example/",
    }
    assert first == {
        "status": "firing",
        "labels": {"alertname": "port_scan", "severity": "warning", "eni": "eni-1"},
        "annotations": {"summary": "about 200 ports tried", "value": "200", "threshold": "50"},
        "startsAt": "2023-11-14T22:14:00Z",
        "endsAt": OPEN_END,
        "generatorURL": "https://flows.example/?v=1&eni=eni-1&from=1700000040&to=1700000100",
        "fingerprint": "00112233aabbccdd",
    }
    assert second["fingerprint"] == "ff"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "https://ops.example/flows/", "https://ops.example"]
)
def test_links_in_webhooks_are_absolute(url: str) -> None:
    """Also below a path, where a proxy publishes the page; without a setting they lead to loopback."""
    body = webhook_body([FIRING], "webhook", url)
    assert body["externalURL"] == url
    assert body["alerts"][0]["generatorURL"] == url.rstrip("/") + FIRING.url
    assert Webhook("http://receiver.example/").external_url == "http://127.0.0.1:8080/"


def test_a_resolved_alert_says_when_it_ended() -> None:
    """`endsAt` is the end in event time."""
    body = webhook_body([RESOLVED], "webhook", "")
    assert (body["status"], body["alerts"][0]["endsAt"]) == ("resolved", "2023-11-14T22:15:00Z")


async def test_the_body_is_signed_over_its_bytes() -> None:
    """A receiver that holds the key can recompute the signature from what it read."""
    async with receiver() as served:
        await WebhookSink(Webhook(served.url, key=SecretStr(KEY))).send([FIRING])
    expected = hmac.new(KEY.encode(), served.bodies[0], hashlib.sha256).hexdigest()
    assert served.headers[0][SIGNATURE_HEADER] == f"sha256={expected}"


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_what_may_succeed_later_is_tried_again(status: int) -> None:
    """The same bytes again after a wait, and delivered once."""
    waits = Waits()
    before, sent = count("webhook", "retried"), count("webhook", "sent")
    async with receiver(status) as served:
        await deliver(WebhookSink(Webhook(served.url), sleep=waits), [FIRING])
    assert len(served.bodies) == 2
    assert served.bodies[0] == served.bodies[1]
    assert len(waits.asked) == 1
    assert (count("webhook", "retried"), count("webhook", "sent")) == (before + 1, sent + 1)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
async def test_a_refusal_is_final_counted_and_logged(status: int) -> None:
    """One request, no wait; the next alert is delivered all the same."""
    waits = Waits()
    before = count("webhook", "refused")
    async with receiver(status) as served:
        sink = WebhookSink(Webhook(served.url, key=SecretStr(KEY)), sleep=waits)
        with capture_logs() as logs:
            await deliver(sink, [FIRING, RESOLVED], sleep=waits)
    assert [orjson.loads(body)["status"] for body in served.bodies] == ["firing", "resolved"]
    assert waits.asked == []
    assert count("webhook", "refused") == before + 1
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("error", "notification refused")
    assert f"answered {status}" in line["why"]


async def test_tries_are_bounded_and_waits_are_too() -> None:
    """After its tries the sink says that the receiver is unavailable."""
    waits = Waits()
    async with receiver(*[500] * 10) as served:
        sink = WebhookSink(Webhook(served.url, attempts=4, wait_max_s=2.0), sleep=waits)
        with pytest.raises(SinkUnavailable, match="answered 500"):
            await sink.send([FIRING])
    assert len(served.bodies) == 4
    assert len(waits.asked) == 3
    assert max(waits.asked) <= 2.0


async def test_a_receiver_that_is_down_is_tried_until_it_is_back() -> None:
    """At least once: the alert is held, said to be held, and delivered in the next round."""
    waits, rounds = Waits(), Waits()
    before = count("webhook", "unavailable")
    async with receiver(500, 500, 500, 500) as served:
        sink = WebhookSink(Webhook(served.url, attempts=2), sleep=waits)
        await deliver(sink, [FIRING], sleep=rounds)
    assert len(served.bodies) == 5
    assert rounds.asked == [NEXT_ROUND_S, NEXT_ROUND_S]
    assert count("webhook", "unavailable") == before + 2


async def test_nobody_listening_is_unavailable() -> None:
    """A refused connection is a failure of now, not of the alert."""
    sink = WebhookSink(Webhook(f"http://127.0.0.1:{free_port()}/hook", attempts=2), sleep=Waits())
    with pytest.raises(SinkUnavailable, match="did not answer"):
        await sink.send([FIRING])


async def test_a_receiver_that_never_answers_times_out() -> None:
    """A server that accepts and says nothing is given up on."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/"
        with pytest.raises(SinkUnavailable, match="Timeout"):
            await WebhookSink(Webhook(url, timeout_s=0.05, attempts=1)).send([FIRING])


async def test_neither_key_nor_token_is_ever_shown() -> None:
    """Not in logs of any outcome, not in errors, not in reprs."""
    async with receiver(500, 400) as served:
        webhook = Webhook(served.url, key=SecretStr(KEY))
        with capture_logs() as logs:
            await deliver(WebhookSink(webhook, sleep=Waits()), [FIRING])
    shown = repr(logs) + repr(webhook)
    assert len(logs) == 2
    assert KEY not in shown
    assert "hidden" not in shown


class Collector:
    """A sink that keeps the groups it was sent."""

    def __init__(self, name: str = "collector") -> None:
        self.name = name
        self.groups: list[list[str]] = []

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Keep the statuses."""
        if any(alert.summary == "refuse me" for alert in alerts):
            raise SinkRefused("no")
        self.groups.append([f"{alert.rule} {alert.status}" for alert in alerts])


async def test_people_are_told_only_of_alerts_that_fired() -> None:
    """Pending, and pending that came to nothing, stay in the log."""
    told, logged = Collector(), Collector("log")
    transitions = [PENDING, CAME_TO_NOTHING, FIRING, RESOLVED]
    await deliver(told, transitions)
    await deliver(logged, transitions)
    assert told.groups == [["port_scan firing"], ["port_scan resolved"]]
    assert [status for group in logged.groups for status in group] == [
        "reject_ratio pending",
        "reject_ratio resolved",
        "port_scan firing",
        "port_scan resolved",
    ]


async def test_groups_share_rule_and_status_and_keep_the_order() -> None:
    """An alert that fires and resolves in one batch is not one body with two minds."""
    told = Collector()
    other = replace(FIRING, rule="reject_ratio")
    await deliver(told, [FIRING, FIRING, RESOLVED, FIRING, other])
    assert told.groups == [
        ["port_scan firing", "port_scan firing"],
        ["port_scan resolved"],
        ["port_scan firing"],
        ["reject_ratio firing"],
    ]


async def test_the_log_has_every_field() -> None:
    """Firing at warning, the rest at info."""
    with capture_logs() as logs:
        await LogSink().send([FIRING, RESOLVED])
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert logs[0]["fingerprint"] == FIRING.fingerprint
    assert logs[0]["labels"] == {"eni": "eni-1"}


@pytest.mark.parametrize("url", ["", "flows.example/hook", "ftp://flows.example/", "http://"])
def test_a_url_that_cannot_work_is_refused_at_once(url: str) -> None:
    """The sentence names the webhook, not the URL."""
    with pytest.raises(ValueError, match="must begin with http"):
        Webhook(url)


async def test_a_missing_broker_is_one_sentence() -> None:
    """Starting without Kafka says what to do."""
    with pytest.raises(
        NotifyError, match=r"no Kafka answers at 127\.0\.0\.1:\d+: start one, or set VPCFLOW_KAFKA"
    ):
        await run(kafka=KafkaConnection(f"127.0.0.1:{free_port()}"), prefix="vpcflow.", sinks=[])


async def test_two_sinks_of_one_name_are_refused() -> None:
    """They would share a consumer group, and each would hear half."""
    with pytest.raises(NotifyError, match="same name"):
        await run(kafka=KafkaConnection("127.0.0.1:1"), prefix="vpcflow.", sinks=[Collector(), Collector()])
