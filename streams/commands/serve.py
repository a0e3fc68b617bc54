"""`vpcflow serve`: the live page, the JSON API and the metrics."""

from __future__ import annotations

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.command()
@KAFKA
@click.option("--host", help="Address to listen on.  [VPCFLOW_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="TCP port to listen on.  [VPCFLOW_PORT, default 8080]")
def serve(kafka: str | None, host: str | None, port: int | None) -> None:
    """Serve the live page, its JSON API and /metrics.

    Each instance reads the last three hours of the topics at its start and keeps its own history.
    """
    from connectors.kafka.clients.connection import KafkaConnection
    from connectors.kafka.topics import TopicError, ensure_topics
    from connectors.settings import Serve
    from streams.web import app, process

    settings = settings_of(Serve, kafka=kafka, host=host, port=port)

    async def start() -> None:
        await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
        await process.run(settings)

    run_with_settings(start, (TopicError, app.PortInUse))
