"""`vpcflow connect kinesis|s3|firehose`: every way AWS hands out flow logs, into Kafka."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of


@click.group()
def connect() -> None:
    """Bring flow logs from a source into Kafka, each record exactly once."""


@connect.command()
@KAFKA
@click.option("--stream", help="Streams: name, ARN, flow-*, tag:key=value; commas between.  [VPCFLOW_STREAM]")
@click.option("--format", "line_format", help="LogFormat of the lines, or `default`.  [VPCFLOW_LINE_FORMAT]")
@click.option("--start", help="Where a new stream begins: TRIM_HORIZON, LATEST, or a time.  [VPCFLOW_START]")
@click.option(
    "--fan-out", is_flag=True, default=None, help="Be pushed to, by a registered consumer; costs money."
)
def kinesis(**flags: Any) -> None:
    """Read Kinesis streams of plain lines, KPL aggregates or CloudWatch Logs envelopes.

    Streams are looked up again every ten seconds, so new ones that match are found. With --fan-out each
    stream gets a consumer named after VPCFLOW_PREFIX, which stays when this ends; remove it with
    `aws kinesis deregister-stream-consumer`. Who may not register polls, and says so.
    """
    from connectors.aws.session import check_access
    from connectors.clock import now_ms
    from connectors.errors import ConnectError
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
        raise click.ClickException(f"VPCFLOW_START={settings.start} is in the future: say LATEST")

    async def start() -> None:
        await asyncio.to_thread(check_access, "kinesis")
        await kinesis_connector.run(settings, begins_ms)

    run_with_settings(start, (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--bucket", help="Bucket that flow logs are delivered to.  [VPCFLOW_S3_BUCKET]")
@click.option("--prefix", help="What keys begin with, before AWSLogs/.  [VPCFLOW_S3_PREFIX]")
@click.option(
    "--queue",
    help="SQS queue of S3's event notifications; without it, objects are listed.  [VPCFLOW_S3_QUEUE]",
)
@click.option("--exports", help="Folder of what CloudWatch Logs exports.  [VPCFLOW_S3_EXPORTS]")
@click.option("--format", "line_format", help="LogFormat of exported lines.  [VPCFLOW_LINE_FORMAT]")
def s3(kafka: str | None, line_format: str | None, **flags: Any) -> None:
    """Read flow-log files from S3, text or Parquet, each object exactly once.

    Files of flow logs name their fields in a header. What CloudWatch Logs exports (`create-export-task`) has
    none: it is read if its folder is named, often `exportedlogs`. An export holds the watermark until all of
    its files are read. If newer data has been read already, give it another VPCFLOW_PREFIX.
    """
    from connectors.aws.session import check_access
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.s3 import connector
    from connectors.settings import ConnectS3

    named = {f"s3_{name}": value for name, value in flags.items()}
    settings = settings_of(ConnectS3, kafka=kafka, line_format=line_format, **named)
    _check_formats(settings.line_format)

    async def start() -> None:
        if settings.s3_bucket or settings.s3_queue:
            await asyncio.to_thread(check_access, *(["s3", "sqs"] if settings.s3_queue else ["s3"]))
        await connector.run(settings)

    run_with_settings(start, (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--host", help="Address to listen on.  [VPCFLOW_FIREHOSE_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [VPCFLOW_FIREHOSE_PORT, default 8443]")
@click.option("--format", "line_format", help="LogFormat of the lines, or `default`.  [VPCFLOW_LINE_FORMAT]")
def firehose(kafka: str | None, host: str | None, port: int | None, line_format: str | None) -> None:
    """Be the HTTP endpoint of a Firehose delivery stream: 200 once a request is committed, never before.

    The access key comes from VPCFLOW_FIREHOSE_KEY; TLS files from VPCFLOW_FIREHOSE_CERT and _CERT_KEY. AWS
    posts to https on port 443 only: put a load balancer before it, or give it certificates and that port.
    """
    from connectors.errors import ConnectError
    from connectors.firehose import connector as endpoint
    from connectors.kafka.topics import TopicError
    from connectors.settings import ConnectFirehose

    flags = {"firehose_host": host, "firehose_port": port, "line_format": line_format}
    settings = settings_of(ConnectFirehose, kafka=kafka, **flags)
    _check_formats(settings.line_format, settings.group_formats)
    run_with_settings(lambda: endpoint.run(settings), (TopicError, ConnectError))


@connect.command()
@KAFKA
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def positions(kafka: str | None, as_json: bool) -> None:
    """Show where every source stands, how far behind it was when last read, and whose it is."""
    from connectors.positions.cli import show
    from connectors.settings import Common

    settings = settings_of(Common, kafka=kafka)
    run_with_settings(lambda: show(settings, as_json), _sentences())


@connect.command()
@KAFKA
@click.argument("source")
@click.option("--shard", default="", help="One shard of a stream; without it, all of them.")
@click.option("--to", required=True, help="beginning, end, a time (ISO 8601), or SEQUENCE_NUMBER[:SUB].")
@click.option("--yes", is_flag=True, help="Do it; without it, only say what would be written.")
def reset(kafka: str | None, source: str, shard: str, to: str, yes: bool) -> None:
    """Let a source be read from another place: kinesis:STREAM, s3:BUCKET, or firehose.

    Lines that are read again are counted again, or go to `dead` as late if their windows are past: the sums
    of the prefix are then wrong. To read a source again, start a connector and a worker with a new
    VPCFLOW_PREFIX instead, which counts every line once. A move forward leaves lines out.

    No connector of the prefix may be running. S3 and Firehose can be reset to their beginning only, which
    forgets what is done.
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
    """Return the errors that a person can mend."""
    from connectors.errors import ConnectError
    from connectors.kafka.topics import TopicError
    from connectors.positions.rows import BadReset

    return TopicError, ConnectError, BadReset
