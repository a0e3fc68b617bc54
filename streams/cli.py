"""The command line, and the one module that may import every package; nothing imports it.

Each subcommand is one process of the system and imports its package when it is called, so that
`vpcflow emulate` never loads Faust; nor pydantic and structlog, which would be most of its start. An error
that a person can mend is one sentence and a non-zero exit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from streams.commands.checks.plan import PARTS
from streams.commands.connect import connect
from streams.commands.emulate import emulate, world
from streams.commands.running import (
    KAFKA,
    PORT,
    RECORDS_MAX,
    SEED,
    FiniteFloat,
    run,
    run_with_settings,
    set_up_logs,
    settings_of,
)

if TYPE_CHECKING:
    from connectors.settings import Common


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vpc-flow-streams")
def main() -> None:
    """AWS VPC Flow Logs, live: exact windows for each ENI, alerts, and a page.

    Start with `vpcflow replay`: it runs everything below on this machine and proves the sums. Settings are
    environment variables beginning with VPCFLOW_ (`vpcflow check` lists them), or a file `vpcflow.env`.
    """


@main.command()
@KAFKA
def work(kafka: str | None) -> None:
    """Sum, merge and detect: the Faust worker. Start as many as you have cores."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.settings import Work
    from streams import kernel_cache

    settings = settings_of(Work, kafka=kafka)
    kernel_cache.prepare()
    from streams.worker import work as worker

    run_with_settings(lambda: worker.run(settings), (TopicError, ConnectError))


@main.command()
@KAFKA
@click.option("--host", help="Address to listen on.  [VPCFLOW_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [VPCFLOW_PORT, default 8080]")
def serve(kafka: str | None, host: str | None, port: int | None) -> None:
    """Serve the live page, its JSON and /metrics."""
    from connectors.kafka.topics import TopicError, ensure_topics
    from connectors.settings import Serve
    from streams.web import app

    settings = settings_of(Serve, kafka=kafka, host=host, port=port)

    async def start() -> None:
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        await app.run(
            kafka=settings.kafka,
            prefix=settings.prefix,
            host=settings.host,
            port=settings.port,
            public_url=settings.url,
        )

    run_with_settings(start, (TopicError, app.PortInUse))


@main.command()
@KAFKA
@click.option(
    "--webhook", help="URL that gets each alert, as Alertmanager's webhook does.  [VPCFLOW_WEBHOOK]"
)
def notify(kafka: str | None, webhook: str | None) -> None:
    """Send alerts on: to the log always, to a webhook when one is set."""
    from connectors.kafka.topics import TopicError, ensure_topics
    from connectors.settings import Notify
    from streams.alerts import notify as notifier
    from streams.alerts.sinks import Sink, Webhook, WebhookSink

    settings = settings_of(Notify, kafka=kafka, webhook=webhook)
    sinks: list[Sink] = []  # The log always hears of everything.
    if settings.webhook:
        key = settings.webhook_key if settings.webhook_key.get_secret_value() else None
        sinks.append(WebhookSink(Webhook(settings.webhook, key=key, external_url=settings.url)))

    async def start() -> None:
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        await notifier.run(kafka=settings.kafka, prefix=settings.prefix, sinks=sinks)

    run_with_settings(start, (TopicError, notifier.NotifyError))


@main.command()
@click.option(
    "--records",
    type=click.IntRange(1, RECORDS_MAX),
    default=200_000,
    show_default=True,
    help="Lines to replay.",
)
@click.option(
    "--rate", type=FiniteFloat(min=0, min_open=True), help="Lines a second; as fast as it goes when left out."
)
@click.option(
    "--shards", type=click.IntRange(1, 1000), default=4, show_default=True, help="Shards of the stream."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--payload", type=click.Choice(["lines", "cloudwatch"]), default="cloudwatch", show_default=True
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Same seed, same lines.")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), help="Replay a flow-log file.")
@click.option("--format", "line_format", help="LogFormat of a file that has no header.")
@click.option(
    "--world", help="Replay traffic of an estate through real flow logs: small, shop, estate, FILE."
)
@click.option(
    "--busy",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Percent of a world's usual traffic.",
)
@click.option("--incidents", default="all", show_default=True, help="Of a world: all, few, none, or kinds.")
@click.option(
    "--source",
    type=click.Choice(["kinesis", "firehose", "s3"]),
    default="kinesis",
    show_default=True,
    help="How a world's flow logs reach the connector.",
)
@click.option("--keep", is_flag=True, help="Keep page and data until Ctrl-C.")
@click.option("--external-endpoint", help="Use this Kinesis (LocalStack, AWS), not the emulator.")
@click.option("--port", type=PORT, default=0, help="The page's port; any free one when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def replay(**options: Any) -> None:
    """Run the whole pipeline here on a bounded load, and prove that nothing was lost, doubled or miscounted.

    Exits with 0 when every window equals the ledger and every planted incident was found, else with 1.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from connectors.kafka.topics import TopicError
    from connectors.settings import Common, Work
    from emulator.kafka.jars import JarError
    from emulator.kafka.node import KafkaFailed
    from streams import kernel_cache
    from streams.replay import options as replay_options
    from streams.replay.load import Options, ReplayError

    settings, work = settings_of(Common), settings_of(Work)
    if "VPCFLOW_KAFKA" in os.environ:
        os.environ["VPCFLOW_KAFKA"] = settings.kafka  # In its normal form, for what reads it below.
    kernel_cache.prepare()
    outcome: list[int] = []

    async def start() -> None:
        given = Options(**options, final_after_s=work.lateness_s)
        replay_options.check(given)
        from streams.replay import run as replaying

        outcome.append(await replaying.run(given))

    run_with_settings(start, (ReplayError, KafkaFailed, JarError, TopicError))
    sys.exit(outcome[0])


@main.command()
@KAFKA
@click.argument("part", required=False, type=click.Choice(PARTS))
def check(kafka: str | None, part: str | None) -> None:
    """Print every setting with its origin, test connections, and say what is wrong.

    PART is what to test beside Kafka: kinesis, s3, firehose, work, serve or notify. Without it, the sources
    that the settings name are tested. Nothing is created, started or posted. Exits with 1 if something is
    wrong.
    """
    from connectors.settings import Connect, ConnectFirehose, ConnectS3, Notify, Serve, Work
    from streams.commands import check as checking

    set_up_logs()
    groups: Mapping[str, Common] = {
        "kinesis": settings_of(Connect, kafka=kafka),
        "s3": settings_of(ConnectS3, kafka=kafka),
        "firehose": settings_of(ConnectFirehose, kafka=kafka),
        "work": settings_of(Work, kafka=kafka),
        "serve": settings_of(Serve, kafka=kafka),
        "notify": settings_of(Notify, kafka=kafka),
    }
    flags = ["kafka"] if kafka is not None else []
    outcome: list[int] = []

    async def start() -> None:
        outcome.append(await checking.run(groups, part, flags))

    run(start, ())
    sys.exit(1 if outcome[0] else 0)


for command in (emulate, world, connect):
    main.add_command(command)


if __name__ == "__main__":
    main()
