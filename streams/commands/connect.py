"""`vpcflow connect`: the connectors for Kinesis, S3 and Firehose, and their read positions."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.group()
def connect() -> None:
    """Copy flow logs from a source to Kafka, exactly once."""


@connect.command()
@KAFKA
@click.option(
    "--stream",
    help="Streams to read: names, ARNs, patterns (flow-*) or tag:key=value, with commas between."
    "  [VPCFLOW_STREAM]",
)
@click.option(
    "--format",
    "line_format",
    help="LogFormat of the lines, or `default` for AWS's default format.  [VPCFLOW_LINE_FORMAT]",
)
@click.option(
    "--start",
    help="Start position of a new stream: TRIM_HORIZON, LATEST, or a time (ISO 8601).  [VPCFLOW_START]",
)
@click.option(
    "--fan-out",
    is_flag=True,
    default=None,
    help="Use enhanced fan-out instead of polling; AWS charges for it.",
)
def kinesis(**flags: Any) -> None:
    """Read Kinesis streams of flow logs.

    A record may hold plain lines, a KPL aggregate, or a CloudWatch Logs subscription envelope. Streams are
    listed again every ten seconds, so a new stream that matches is found. With --fan-out, each stream gets a
    registered consumer named after VPCFLOW_PREFIX, which remains when the command ends; delete it with
    `aws kinesis deregister-stream-consumer`. Without the permission to register, the command logs a warning
    and polls.
    """
    from connectors.aws.session import check_access
    from connectors.clock import now_ms
    from connectors.errors import ConnectError
    from connectors.garbage_collection import collect_rarely
    from connectors.kafka.topics import TopicError
    from connectors.kinesis import connector as kinesis_connector
    from connectors.kinesis.stream_choice import BadChoice, parse_choice
    from connectors.settings import Connect, start_ms

    settings = settings_of(Connect, **flags)
    try:
        parse_choice(settings.stream)
    except BadChoice as error:
        raise click.ClickException(f"VPCFLOW_STREAM: {error}") from error
    _check_formats(settings.line_format, settings.group_formats)
    begins_ms = start_ms(settings.start)
    if begins_ms is not None and begins_ms > now_ms():
        raise click.ClickException(f"VPCFLOW_START={settings.start} is in the future: use LATEST")

    async def start() -> None:
        await asyncio.to_thread(check_access, "kinesis")
        collect_rarely()
        await kinesis_connector.run(settings, begins_ms)

    run_with_settings(start, (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--bucket", help="Bucket that the flow logs are delivered to.  [VPCFLOW_S3_BUCKET]")
@click.option("--prefix", help="Prefix of the keys, before AWSLogs/.  [VPCFLOW_S3_PREFIX]")
@click.option(
    "--queue",
    help="URL of the SQS queue of S3 event notifications. Default: list the bucket.  [VPCFLOW_S3_QUEUE]",
)
@click.option("--exports", help="Prefix of the CloudWatch Logs exports.  [VPCFLOW_S3_EXPORTS]")
@click.option("--format", "line_format", help="LogFormat of the exported lines.  [VPCFLOW_LINE_FORMAT]")
def s3(kafka: str | None, line_format: str | None, **flags: Any) -> None:
    """Read flow-log objects from S3, text or Parquet.

    A flow-log object names its fields in a header. An object of a CloudWatch Logs export
    (`create-export-task`) has no header; it is read if --exports names its prefix, often `exportedlogs`. An
    export holds the watermark until all of its objects are read. If newer data has already been read, use
    another VPCFLOW_PREFIX for the export.
    """
    from connectors.aws.session import check_access
    from connectors.errors import ConnectError
    from connectors.garbage_collection import collect_rarely
    from connectors.kafka.topics import TopicError
    from connectors.s3 import connector
    from connectors.settings import ConnectS3

    named = {f"s3_{name}": value for name, value in flags.items()}
    settings = settings_of(ConnectS3, kafka=kafka, line_format=line_format, **named)
    _check_formats(settings.line_format)

    async def start() -> None:
        if settings.s3_bucket or settings.s3_queue:
            await asyncio.to_thread(check_access, *(["s3", "sqs"] if settings.s3_queue else ["s3"]))
        collect_rarely()
        await connector.run(settings)

    run_with_settings(start, (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--host", help="Address to listen on.  [VPCFLOW_FIREHOSE_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="TCP port to listen on.  [VPCFLOW_FIREHOSE_PORT, default 8443]")
@click.option(
    "--format",
    "line_format",
    help="LogFormat of the lines, or `default` for AWS's default format.  [VPCFLOW_LINE_FORMAT]",
)
def firehose(kafka: str | None, host: str | None, port: int | None, line_format: str | None) -> None:
    """Run an HTTP endpoint for a Firehose delivery stream.

    The endpoint returns 200 after the request is committed to Kafka. The access key comes from
    VPCFLOW_FIREHOSE_KEY, the TLS files from VPCFLOW_FIREHOSE_CERT and VPCFLOW_FIREHOSE_CERT_KEY. AWS sends
    requests to HTTPS on port 443 only: use a load balancer, or set the certificate files and that port.
    """
    from connectors.errors import ConnectError
    from connectors.firehose import connector as endpoint
    from connectors.garbage_collection import collect_rarely
    from connectors.kafka.topics import TopicError
    from connectors.settings import ConnectFirehose

    flags = {"firehose_host": host, "firehose_port": port, "line_format": line_format}
    settings = settings_of(ConnectFirehose, kafka=kafka, **flags)
    _check_formats(settings.line_format, settings.group_formats)

    async def start() -> None:
        collect_rarely()
        await endpoint.run(settings)

    run_with_settings(start, (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def positions(kafka: str | None, as_json: bool) -> None:
    """Print the position, the lag and the owner of every source."""
    from connectors.positions.cli import show
    from connectors.settings import Common

    settings = settings_of(Common, kafka=kafka)
    run_with_settings(lambda: show(settings, as_json), _sentences())


@connect.command()
@KAFKA
@click.argument("source")
@click.option("--shard", default="", help="Shard to reset. Default: all shards of the stream.")
@click.option(
    "--to",
    required=True,
    help="New position: beginning, end, a time (ISO 8601), or SEQUENCE_NUMBER[:SUBSEQUENCE_NUMBER].",
)
@click.option("--yes", is_flag=True, help="Write the new position. Default: print it only.")
def reset(kafka: str | None, source: str, shard: str, to: str, yes: bool) -> None:
    """Set the read position of a source.

    SOURCE is kinesis:STREAM, s3:BUCKET, or firehose. Lines that are read again are counted again, or go to
    the topic `dead` as late if their windows have expired: the sums of the prefix are then wrong. To read a
    source again, start a connector and a worker with a new VPCFLOW_PREFIX instead, which counts every line
    once. A reset to a later position skips lines.

    Stop every connector of the prefix first. S3 and Firehose can be reset to `beginning` only, which deletes
    the list of committed objects or requests.
    """
    from connectors.clock import now_ms
    from connectors.positions.cli import move
    from connectors.positions.rows import BadReset, check_reset
    from connectors.settings import Common

    try:
        check_reset(source, shard, to, now_ms())
    except BadReset as error:
        raise click.ClickException(str(error)) from error
    settings = settings_of(Common, kafka=kafka)
    run_with_settings(lambda: move(settings, source, shard, to, yes), _sentences())


def _check_formats(line_format: str, group_formats: str = "") -> None:
    from connectors.formats.by_log_group import parse_group_formats, usable_format
    from connectors.formats.flowlog import BadFormat

    try:
        usable_format(line_format)
    except BadFormat as error:
        raise click.ClickException(f"VPCFLOW_LINE_FORMAT: {error}") from error
    try:
        parse_group_formats(group_formats)
    except BadFormat as error:
        raise click.ClickException(f"VPCFLOW_GROUP_FORMATS: {error}") from error


def _sentences() -> tuple[type[Exception], ...]:
    """Return the exceptions whose message the user can act on."""
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.positions.rows import BadReset

    return TopicError, ConnectError, BadReset
