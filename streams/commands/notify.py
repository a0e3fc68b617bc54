"""`vpcflow notify`: the delivery of alerts to the log and to a webhook."""

from __future__ import annotations

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.command()
@KAFKA
@click.option("--webhook", help="URL to POST alerts to, in Alertmanager's webhook format.  [VPCFLOW_WEBHOOK]")
def notify(kafka: str | None, webhook: str | None) -> None:
    """Deliver alerts to the log and to a webhook.

    The log receives every transition of an alert. The webhook receives the alerts that fire, and their
    resolution.
    """
    from connectors.health_endpoint import health_endpoint
    from connectors.kafka.clients.connection import KafkaConnection
    from connectors.kafka.topics import TopicError, ensure_topics
    from connectors.settings import Notify
    from streams.alerts import notify as notifier
    from streams.alerts.sinks import Sink, Webhook, WebhookSink

    settings = settings_of(Notify, kafka=kafka, webhook=webhook)
    sinks: list[Sink] = []  # `notifier.run` adds the log.
    if settings.webhook:
        key = settings.webhook_key if settings.webhook_key.get_secret_value() else None
        sinks.append(WebhookSink(Webhook(settings.webhook, key=key, external_url=settings.url)))

    async def start() -> None:
        kafka = KafkaConnection.of(settings)
        await ensure_topics(kafka, settings.prefix, settings.slots)
        async with health_endpoint(settings, lambda: True):
            await notifier.run(kafka=kafka, prefix=settings.prefix, sinks=sinks)

    run_with_settings(start, (TopicError, notifier.NotifyError))
