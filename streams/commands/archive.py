"""`vpcflow archive`: final windows as Parquet."""

from __future__ import annotations

import os

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.command()
@KAFKA
@click.option("--to", "place", help="Folder, or s3://bucket/prefix.  [VPCFLOW_ARCHIVE]")
def archive(kafka: str | None, place: str | None) -> None:
    """Write final windows as Parquet files, exactly once.

    The files are compacted and rolled up to 10 minutes, one hour and one day. `vpcflow query` reads them; so
    do DuckDB, Polars, Athena, Spark and ClickHouse. Start more processes to scale: Kafka assigns the
    partitions.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.settings import Archive

    settings = settings_of(Archive, kafka=kafka, archive=place)
    from streams.archive import archive as process

    run_with_settings(lambda: process.run(settings), (TopicError, ConnectError))
