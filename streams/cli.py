"""The command line, and the one module that may import every package; nothing imports it.

Each subcommand is one process of the system and imports its package when it is called, so that
`vpcflow emulate` never loads Faust; nor pydantic and structlog, which would be most of its start. An error
that a person can mend is one sentence and a non-zero exit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from connectors.settings import Common

Group = TypeVar("Group", bound="Common")
_KAFKA = click.option("--kafka", help="Bootstrap servers, host:port.  [VPCFLOW_KAFKA]")
_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")


def _settings(group: type[Group], **flags: Any) -> Group:
    """Read settings: flags over environment over file. Raises `click.ClickException` in one sentence."""
    from dotenv import dotenv_values
    from pydantic import ValidationError

    from connectors.settings import ENV_FILE, SettingsError, check_names

    try:
        check_names(os.environ, dotenv_values(ENV_FILE))
        return group(**{name: value for name, value in flags.items() if value is not None})
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = "VPCFLOW_" + str(first["loc"][0]).upper()
        raise click.ClickException(f"{name}={first['input']!r} is wrong: {first['msg']}") from error


def _run(work: Callable[[], Awaitable[Any]], sentences: tuple[type[Exception], ...]) -> None:
    """Run a process; what a person can mend becomes a sentence, all else a logged failure."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(work())  # type: ignore[arg-type]
    except sentences as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        import structlog

        if not structlog.is_configured():
            _set_up_logs()
        structlog.get_logger().error("stopped by an error", error=repr(error), exc_info=error)
        sys.exit(3)


def _run_with_settings(work: Callable[[], Awaitable[Any]], sentences: tuple[type[Exception], ...]) -> None:
    """Run a process that was given settings; one that turns out wrong is a sentence too."""
    from connectors.settings import SettingsError

    _set_up_logs()
    _run(work, (SettingsError, *sentences))


def _set_up_logs() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vpc-flow-streams")
def main() -> None:
    """AWS VPC Flow Logs, live: exact windows for each ENI, alerts, and a page.

    Start with `vpcflow replay`: it runs everything below on this machine and proves the sums. Settings are
    environment variables beginning with VPCFLOW_ (`vpcflow check` lists them), or a file `vpcflow.env`.
    """


@main.command()
@_HOST
@click.option("--port", default=4566, show_default=True, help="Port; localstack-client expects 4566.")
@click.option(
    "--memory-mb", default=1024, show_default=True, help="Cap on retained records; oldest go first."
)
@click.option("--retention-hours", default=24, show_default=True, help="How long records are kept.")
@click.option(
    "--tls", is_flag=True, help="Speak TLS as well, on the same port, with a certificate of its own."
)
@click.option(
    "--tls-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep the certificate here."
)
@click.option(
    "--limits",
    default="off",
    show_default=True,
    type=click.Choice(["aws", "off"]),
    help="Throttle as AWS does.",
)
@click.option(
    "--faults", type=click.Path(path_type=Path), help="Rules of faults, TOML or JSON: emulator/FAULTS.md."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Keep streams here; what was answered survives a kill.",
)
def emulate(**options: Any) -> None:
    """Play AWS on one port; point AWS_ENDPOINT_URL at it.

    With --tls, clients that verify certificates are to trust the file it names (AWS_CA_BUNDLE).
    """
    from emulator import server
    from emulator.kinesis.persistence.folder import FolderError
    from emulator.log import log

    if options["data_dir"] is None:
        log.set_up_by(_set_up_logs)
    else:
        _set_up_logs()  # What is read from the folder is said before anything else.
    parts = _emulator_parts(options)
    size = {
        "memory_cap_bytes": options["memory_mb"] << 20,
        "retention_s": options["retention_hours"] * 3600,
    }
    _run(
        lambda: server.run(options["host"], options["port"], **size, parts=parts),
        (server.PortInUse, FolderError),
    )


def _emulator_parts(options: Mapping[str, Any]) -> Any:
    """Return what `emulate` asks of the server, by its flags."""
    from emulator import server
    from emulator.behaviour import Asked
    from emulator.kinesis import limits

    faults = None
    if options["faults"] is not None:
        from emulator.fault_documents import BadFaults, read_file

        try:
            faults = read_file(options["faults"])
        except BadFaults as error:
            raise click.ClickException(str(error)) from error
    has_tls = options["tls"] or options["tls_dir"] is not None
    return server.Parts(
        tls=server.Tls(options["tls_dir"]) if has_tls else None,
        asked=Asked(limits.apply(options["limits"]), faults, options["data_dir"]),
    )


@main.command()
@click.option("--topology", default="shop", show_default=True, help="small, shop, estate, or a YAML file.")
@click.option(
    "--endpoint",
    default="http://127.0.0.1:4566",
    show_default=True,
    envvar="AWS_ENDPOINT_URL",
    show_envvar=True,
    help="A running `vpcflow emulate`.",
)
@click.option(
    "--to",
    type=click.Choice(["kinesis", "cloudwatch", "s3", "firehose"]),
    default="kinesis",
    show_default=True,
    help="Where flow logs are delivered; kinesis is by a subscription of CloudWatch Logs.",
)
@click.option("--stream", default="flow-logs", show_default=True, help="The Kinesis stream.")
@click.option("--name", default="vpcflow-world", show_default=True, help="Of log group, bucket, Firehose.")
@click.option("--interval", type=click.Choice(["60", "600"]), default="60", show_default=True)
@click.option("--filter", "traffic_type", type=click.Choice(["ALL", "ACCEPT", "REJECT"]), default="ALL")
@click.option("--format", "log_format", default="", help="LogFormat; AWS's default when left out.")
@click.option("--seed", default=1, show_default=True, help="Same estate and seed, same traffic.")
@click.option("--busy", default=100, show_default=True, help="Percent of the usual traffic.")
@click.option("--speed", default=1.0, show_default=True, help="Simulated seconds a second, up to 3600.")
@click.option("--incidents", default="all", show_default=True, help="all, few, none, or kinds: a,b.")
@click.option("--records", default=0, help="End after so many records, in whole minutes; 0 goes on for ever.")
@click.option("--rate", default=0.0, help="Records a second of a bounded load; 0 is as fast as it goes.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Write its ledger here.")
def world(**options: Any) -> None:
    """Build a synthetic VPC in the emulator and keep its traffic flowing, flow logs delivered as AWS does.

    Delivery takes minutes, as on AWS; `--speed 60` makes it seconds.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from emulator.world import running
    from emulator.world.building import BuildError
    from emulator.world.provisioning import ProvisionError
    from emulator.world.remote import NoWorld
    from emulator.world.settings import BadWorld
    from emulator.world.topology_file import BadTopology

    try:
        plan = _world_plan(options)
    except (BadWorld, BadTopology) as error:
        raise click.ClickException(str(error)) from error
    _set_up_logs()
    mendable = (NoWorld, BuildError, ProvisionError, ClientError, BotoCoreError, OSError)
    _run(lambda: running.run(plan), mendable)


def _world_plan(options: Mapping[str, Any]) -> Any:
    """Return what `world` was asked for. Raises `BadWorld` and `BadTopology`."""
    from emulator.world import running
    from emulator.world.provisioning import Endpoint, Wanted
    from emulator.world.settings import read

    names = ("seed", "busy", "speed", "incidents", "records", "rate")
    return running.Plan(
        topology=running.topology_of(options["topology"]),
        endpoint=Endpoint(options["endpoint"], os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
        wanted=Wanted(
            to=options["to"],
            stream=options["stream"],
            name=options["name"],
            interval_s=int(options["interval"]),
            log_format=options["log_format"],
            traffic_type=options["traffic_type"],
        ),
        settings=read({name: options[name] for name in names}),
        ledger=options["ledger"],
    )


@main.group()
def connect() -> None:
    """Bring flow logs from a source into Kafka, each record exactly once."""


@connect.command()
@_KAFKA
@click.option("--stream", help="Stream name or ARN.  [VPCFLOW_STREAM]")
@click.option("--format", "line_format", help="LogFormat of the lines, or `default`.  [VPCFLOW_LINE_FORMAT]")
@click.option("--start", type=click.Choice(["TRIM_HORIZON", "LATEST"]), help="Where a new stream begins.")
def kinesis(kafka: str | None, stream: str | None, line_format: str | None, start: str | None) -> None:
    """Poll a Kinesis stream of plain lines or CloudWatch Logs envelopes."""
    from connectors import pipeline
    from connectors.flowlog import BadFormat, parse_format
    from connectors.settings import Connect
    from connectors.topics import TopicError

    settings = _settings(Connect, kafka=kafka, stream=stream, line_format=line_format, start=start)
    try:
        parse_format(settings.line_format)
    except BadFormat as error:
        raise click.ClickException(f"VPCFLOW_LINE_FORMAT: {error}") from error
    now_ms = int(time.time() * 1000)
    _run_with_settings(lambda: pipeline.run(settings, now_ms), (TopicError, pipeline.ConnectError))


@main.command()
@_KAFKA
def work(kafka: str | None) -> None:
    """Sum, merge and detect: the Faust worker. Start as many as you have cores."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # Polars reads it once, when it is imported.
    from connectors.settings import Work
    from connectors.topics import TopicError

    settings = _settings(Work, kafka=kafka)
    from streams import work as worker

    _run_with_settings(lambda: worker.run(settings), (TopicError,))


@main.command()
@_KAFKA
@click.option("--host", help="Address to listen on.  [VPCFLOW_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [VPCFLOW_PORT, default 8080]")
def serve(kafka: str | None, host: str | None, port: int | None) -> None:
    """Serve the live page, its JSON and /metrics."""
    from connectors.settings import Serve
    from connectors.topics import TopicError, ensure_topics
    from streams.web import app

    settings = _settings(Serve, kafka=kafka, host=host, port=port)

    async def start() -> None:
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        await app.run(kafka=settings.kafka, prefix=settings.prefix, host=settings.host, port=settings.port)

    _run_with_settings(start, (TopicError, app.PortInUse))


@main.command()
@_KAFKA
@click.option(
    "--webhook", help="URL that gets each alert, as Alertmanager's webhook does.  [VPCFLOW_WEBHOOK]"
)
def notify(kafka: str | None, webhook: str | None) -> None:
    """Send alerts on: to the log always, to a webhook when one is set."""
    from connectors.settings import Notify
    from connectors.topics import TopicError, ensure_topics
    from streams.alerts import notify as notifier
    from streams.alerts.sinks import Sink, Webhook, WebhookSink

    settings = _settings(Notify, kafka=kafka, webhook=webhook)
    sinks: list[Sink] = []  # The log always hears of everything.
    if settings.webhook:
        key = settings.webhook_key if settings.webhook_key.get_secret_value() else None
        sinks.append(WebhookSink(Webhook(settings.webhook, key=key)))

    async def start() -> None:
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        await notifier.run(kafka=settings.kafka, prefix=settings.prefix, sinks=sinks)

    _run_with_settings(start, (TopicError, notifier.NotifyError))


@main.command()
@click.option("--records", default=200_000, show_default=True, help="Lines to replay.")
@click.option("--rate", type=float, help="Lines a second; as fast as it goes when left out.")
@click.option("--shards", default=4, show_default=True, help="Shards of the stream.")
@click.option("--workers", default=1, show_default=True, help="Worker processes.")
@click.option(
    "--payload", type=click.Choice(["lines", "cloudwatch"]), default="cloudwatch", show_default=True
)
@click.option("--seed", default=1, show_default=True, help="Same seed, same lines.")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), help="Replay a flow-log file.")
@click.option("--format", "line_format", help="LogFormat of a file that has no header.")
@click.option(
    "--world", help="Replay traffic of an estate through real flow logs: small, shop, estate, FILE."
)
@click.option("--busy", default=100, show_default=True, help="Percent of a world's usual traffic.")
@click.option("--incidents", default="all", show_default=True, help="Of a world: all, few, none, or kinds.")
@click.option("--keep", is_flag=True, help="Keep page and data until Ctrl-C.")
@click.option("--external-endpoint", help="Use this Kinesis (LocalStack, AWS), not the emulator.")
@click.option("--port", default=0, help="The page's port; any free one when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def replay(**options: Any) -> None:
    """Run the whole pipeline here on a bounded load, and prove that nothing was lost, doubled or miscounted.

    Exits with 0 when every window equals the ledger and every planted incident was found, else with 1.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from connectors.settings import Common
    from connectors.topics import TopicError
    from emulator.kafka.jars import JarError
    from emulator.kafka.node import KafkaFailed
    from streams import replay as replaying
    from streams.replay_load import Options, ReplayError

    _settings(Common)
    outcome: list[int] = []

    async def start() -> None:
        outcome.append(await replaying.run(Options(**options)))

    _run_with_settings(start, (ReplayError, KafkaFailed, JarError, TopicError))
    sys.exit(outcome[0])


@main.command()
@_KAFKA
def check(kafka: str | None) -> None:
    """Print every setting, try every connection, say what is wrong."""
    from connectors.settings import Connect, Notify, Serve, Work
    from streams import check as checking

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _set_up_logs()
    groups: Mapping[str, Common] = {
        "connect": _settings(Connect, kafka=kafka),
        "work": _settings(Work, kafka=kafka),
        "serve": _settings(Serve, kafka=kafka),
        "notify": _settings(Notify, kafka=kafka),
    }
    sys.exit(asyncio.run(checking.run(groups)))


if __name__ == "__main__":
    main()
