"""`vpcflow replay`: the whole pipeline on one machine, for a bounded load, with a report."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from streams.commands.local_extra import LocalCommand
from streams.commands.running import PORT, RECORDS_MAX, SEED, FiniteFloat, run_with_settings, settings_of


@click.command(cls=LocalCommand)
@click.option(
    "--records",
    type=click.IntRange(1, RECORDS_MAX),
    default=200_000,
    show_default=True,
    help="Number of lines to replay.",
)
@click.option("--rate", type=FiniteFloat(min=0, min_open=True), help="Lines per second. Default: unlimited.")
@click.option(
    "--shards",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    help="Number of shards of the Kinesis stream.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of worker processes.",
)
@click.option(
    "--payload",
    type=click.Choice(["lines", "cloudwatch"]),
    default="cloudwatch",
    show_default=True,
    help="Content of a Kinesis record: plain lines, or a CloudWatch Logs subscription envelope.",
)
@click.option(
    "--seed",
    type=SEED,
    default=1,
    show_default=True,
    help="Seed of the generator; the same seed gives the same lines.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False),
    help="Flow-log file to replay instead of generated lines.",
)
@click.option("--format", "line_format", help="LogFormat of a file that has no header line.")
@click.option(
    "--world",
    help="Topology whose traffic is replayed through flow logs: small, shop, estate, or a YAML file.",
)
@click.option(
    "--busy",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Traffic of the world, in percent of its usual traffic.",
)
@click.option(
    "--incidents",
    default="all",
    show_default=True,
    help="Incidents of the world: all, few, none, or kinds with commas between.",
)
@click.option(
    "--source",
    type=click.Choice(["kinesis", "firehose", "s3"]),
    default="kinesis",
    show_default=True,
    help="Destination of the world's flow logs, and so the connector that reads them.",
)
@click.option("--keep", is_flag=True, help="Keep the page and the data until Ctrl-C.")
@click.option(
    "--external-endpoint", help="URL of a Kinesis (LocalStack, AWS) to use instead of the emulator."
)
@click.option(
    "--kafka-security",
    type=click.Choice(["plaintext", "scram", "mtls", "oauthbearer"]),
    default="plaintext",
    show_default=True,
    help="Security of the Kafka that is started; all but plaintext: TLS, and ACLs for each process.",
)
@click.option(
    "--inventory/--no-inventory",
    default=None,
    help="Run `vpcflow inventory`, too, so that the page shows names. Default: with --world.",
)
@click.option("--port", type=PORT, default=0, help="TCP port of the page. Default: any free port.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def replay(**options: Any) -> None:
    """Run the whole pipeline on this machine and verify it.

    The load is bounded. The report compares every window with the ledger of the load. The command exits with
    0 if no line is lost, duplicated or summed wrongly and every planted incident is found, else with 1.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    from connectors.kafka.topics import TopicError
    from connectors.settings import Common, Work
    from emulator.kafka.cluster import KafkaFailed
    from emulator.kafka.jars import JarError
    from streams import kernel_cache
    from streams.replay import options as replay_options
    from streams.replay.load import ReplayError, ReplayOptions

    settings, work = settings_of(Common), settings_of(Work)
    if "VPCFLOW_KAFKA" in os.environ:
        os.environ["VPCFLOW_KAFKA"] = settings.kafka  # In its normal form, for the processes of the replay.
    kernel_cache.prepare()
    outcome: list[int] = []

    async def start() -> None:
        given = ReplayOptions(**options, final_after_s=work.lateness_s)
        replay_options.check(given)
        from streams.replay import run as replaying

        outcome.append(await replaying.run(given))

    run_with_settings(start, (ReplayError, KafkaFailed, JarError, TopicError))
    sys.exit(outcome[0])
