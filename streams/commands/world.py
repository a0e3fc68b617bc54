"""`vpcflow world`: the synthetic VPC in the emulator, and its traffic."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streams.commands.local_extra import LocalCommand
from streams.commands.running import RATE, RECORDS_MAX, SEED, FiniteFloat, run, set_up_logs

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def _named(_: click.Context, option: click.Parameter, value: str) -> str:
    """Return `value`; raises `click.BadParameter` for a name that AWS refuses.

    `--name` names a log group, a bucket or a delivery stream; the rule for buckets is the narrowest.
    """
    is_bucket = option.name == "name"
    if not (_NAME if is_bucket else _STREAM).fullmatch(value):
        allowed = (
            "3 to 63 lower-case letters, digits, dots and hyphens"
            if is_bucket
            else ("1 to 128 letters, digits, dots, hyphens and underscores")
        )
        raise click.BadParameter(f"{value!r} is not a valid name: use {allowed}.", param=option)
    return value


@click.command(cls=LocalCommand)
@click.option(
    "--topology",
    default="shop",
    show_default=True,
    help="Topology to create: small, shop, estate, or a YAML file.",
)
@click.option(
    "--endpoint",
    default="http://127.0.0.1:4566",
    show_default=True,
    envvar="AWS_ENDPOINT_URL",
    show_envvar=True,
    help="URL of a running `vpcflow emulate`.",
)
@click.option(
    "--to",
    type=click.Choice(["kinesis", "cloudwatch", "s3", "firehose"]),
    default="kinesis",
    show_default=True,
    help="Destination of the flow logs; kinesis uses a CloudWatch Logs subscription.",
)
@click.option(
    "--stream", callback=_named, default="flow-logs", show_default=True, help="Name of the Kinesis stream."
)
@click.option(
    "--name",
    callback=_named,
    default="vpcflow-world",
    show_default=True,
    help="Name of the log group, bucket or delivery stream.",
)
@click.option(
    "--interval",
    type=click.Choice(["60", "600"]),
    default="60",
    show_default=True,
    help="Maximum aggregation interval, seconds.",
)
@click.option(
    "--filter",
    "traffic_type",
    type=click.Choice(["ALL", "ACCEPT", "REJECT"]),
    default="ALL",
    show_default=True,
    help="Traffic type to record.",
)
@click.option(
    "--format", "log_format", default="", help="LogFormat of the flow logs. Default: AWS's default format."
)
@click.option(
    "--seed",
    type=SEED,
    default=1,
    show_default=True,
    help="Seed of the traffic; the same topology and seed give the same traffic.",
)
@click.option(
    "--busy",
    type=click.IntRange(0, 100_000),
    default=100,
    show_default=True,
    help="Traffic in percent of the usual traffic.",
)
@click.option(
    "--speed",
    type=FiniteFloat(0, 3600, min_open=True),
    default=1.0,
    show_default=True,
    help="Simulated seconds per second, at most 3600.",
)
@click.option(
    "--start",
    default="",
    help="First minute of traffic, ISO 8601. Default: now; with --speed above 1 a day ago; with --records"
    " hours ago.",
)
@click.option(
    "--incidents",
    default="all",
    show_default=True,
    help="Incidents: all, few, none, or kinds with commas between.",
)
@click.option(
    "--records",
    type=click.IntRange(0, RECORDS_MAX),
    default=0,
    help="Number of records after which the command ends, at the end of a minute. Default: 0, no end.",
)
@click.option(
    "--rate", type=RATE, default=0.0, help="Records per second of a bounded load. Default: 0, unlimited."
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the ledger to; needs --records.",
)
def world(**options: Any) -> None:
    """Create a synthetic VPC and keep its traffic running.

    The emulator delivers the flow logs as AWS does, after minutes; with `--speed 60` after seconds. With a
    speed above 1, the traffic starts a day ago, and continues at speed 1 when it reaches the present.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from emulator.world import running
    from emulator.world.builder.building import BuildError
    from emulator.world.builder.provisioning import ProvisionError
    from emulator.world.remote import NoWorld
    from emulator.world.settings import BadWorld
    from emulator.world.topology.file import BadTopology

    try:
        plan = _world_plan(options)
    except (BadWorld, BadTopology) as error:
        raise click.ClickException(str(error)) from error
    set_up_logs()
    correctable = (NoWorld, BuildError, ProvisionError, ClientError, BotoCoreError, OSError)
    run(lambda: running.run(plan), correctable)


def _check_world(options: Mapping[str, Any]) -> None:
    """Check the options that the emulator would refuse later. Raises `BadWorld`."""
    from connectors.formats.flowlog import BadFormat, parse_format
    from connectors.setting_values import is_url
    from emulator.world.settings import BadWorld

    if options["ledger"] is not None and not options["records"]:
        raise BadWorld("--ledger needs --records: a ledger describes a bounded load.")
    if options["ledger"] is not None and not options["ledger"].absolute().parent.is_dir():
        raise BadWorld(f"--ledger {options['ledger']}: its folder does not exist.")
    if not is_url(options["endpoint"]):
        raise BadWorld(f"--endpoint {options['endpoint']!r} is not a URL: use http://host:port.")
    try:
        if options["log_format"]:
            parse_format(options["log_format"])
    except BadFormat as error:
        raise BadWorld(f"--format: {error}") from error


def _start_s(text: str) -> int:
    """Return `--start` in epoch seconds, 0 if it is left out. Raises `BadWorld`."""
    import time

    from connectors.setting_values import time_ms
    from emulator.world.settings import BadWorld

    if not text:
        return 0
    try:
        start_s = time_ms(text) // 1000
    except (ValueError, OverflowError) as error:
        raise BadWorld(
            f"--start {text} is not a time: use ISO 8601, such as 2026-11-28T12:00:00Z."
        ) from error
    if not 0 < start_s <= time.time():
        raise BadWorld(f"--start {text} is not in the past: a record is delivered after its traffic.")
    return start_s


def _world_plan(options: Mapping[str, Any]) -> Any:
    """Return the plan for the options of `world`. Raises `BadWorld` and `BadTopology`."""
    from emulator.world import running
    from emulator.world.builder.provisioning import AwsEndpoint, FlowLogOptions
    from emulator.world.settings import read

    _check_world(options)
    names = ("seed", "busy", "speed", "incidents", "records", "rate")
    return running.WorldOptions(
        topology=running.topology_of(options["topology"]),
        endpoint=AwsEndpoint(options["endpoint"], os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
        wanted=FlowLogOptions(
            to=options["to"],
            stream=options["stream"],
            name=options["name"],
            interval_s=int(options["interval"]),
            log_format=options["log_format"],
            traffic_type=options["traffic_type"],
        ),
        settings=read({**{name: options[name] for name in names}, "start": _start_s(options["start"])}),
        ledger=options["ledger"],
    )
