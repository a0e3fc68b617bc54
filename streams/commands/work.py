"""`vpcflow work`: the Faust worker."""

from __future__ import annotations

import os

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.command()
@KAFKA
def work(kafka: str | None) -> None:
    """Run a Faust worker: sum, merge and detect.

    Start one worker for each CPU core. Kafka assigns the partitions to the workers.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.settings import Work
    from streams import kernel_cache

    settings = settings_of(Work, kafka=kafka)
    kernel_cache.prepare()
    from streams.worker import work as worker

    run_with_settings(lambda: worker.run(settings), (TopicError, ConnectError))
