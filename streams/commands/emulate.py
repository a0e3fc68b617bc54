"""`vpcflow emulate` and `vpcflow world`: the local AWS, and the synthetic VPC in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streams.commands.running import PORT, RATE, RECORDS_MAX, SEED, FiniteFloat, run, set_up_logs

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def _named(_: click.Context, option: click.Parameter, value: str) -> str:
    """Refuse a name that AWS refuses: a bucket has the narrowest rule of all that `--name` names."""
    is_bucket = option.name == "name"
    if not (_NAME if is_bucket else _STREAM).fullmatch(value):
        allowed = (
            "3 to 63 lower-case letters, digits, dots and hyphens"
            if is_bucket
            else ("1 to 128 letters, digits, dots, hyphens and underscores")
        )
        raise click.BadParameter(f"{value!r} is no name: use {allowed}.", param=option)
    return value


HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")


@click.command()
@HOST
@click.option(
    "--port", type=PORT, default=4566, show_default=True, help="Port; localstack-client expects 4566."
)
@click.option(
    "--memory-mb",
    type=click.IntRange(1, 1 << 20),
    default=1024,
    show_default=True,
    help="Cap on retained records; oldest go first.",
)
@click.option(
    "--retention-hours",
    type=click.IntRange(1, 8760),  # Kinesis's own maximum
    default=24,
    show_default=True,
    help="How long records are kept.",
)
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
        log.set_up_by(set_up_logs)
    else:
        set_up_logs()  # What is read from the folder is said before anything else.
    parts = _emulator_parts(options)
    size = {
        "memory_cap_bytes": options["memory_mb"] << 20,
        "retention_s": options["retention_hours"] * 3600,
    }
    run(
        lambda: server.run(options["host"], options["port"], **size, parts=parts),
        (server.PortInUse, FolderError, OSError),
    )


def _emulator_parts(options: Mapping[str, Any]) -> Any:
    """Return what `emulate` asks of the server, by its flags."""
    from emulator import server
    from emulator.kinesis import limits
    from emulator.runtime_options import StartOptions

    faults = None
    if options["faults"] is not None:
        from emulator.faults.documents import BadFaults, read_file

        try:
            faults = read_file(options["faults"])
        except BadFaults as error:
            raise click.ClickException(str(error)) from error
    has_tls = options["tls"] or options["tls_dir"] is not None
    return server.Parts(
        tls=server.Tls(options["tls_dir"]) if has_tls else None,
        options=StartOptions(limits.apply(options["limits"]), faults, options["data_dir"]),
    )


@click.command()
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
@click.option("--stream", callback=_named, default="flow-logs", show_default=True, help="The Kinesis stream.")
@click.option(
    "--name",
    callback=_named,
    default="vpcflow-world",
    show_default=True,
    help="Of log group, bucket, Firehose.",
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
    help="Which traffic is recorded.",
)
@click.option("--format", "log_format", default="", help="LogFormat; AWS's default when left out.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Same estate and seed, same traffic.")
@click.option(
    "--busy",
    type=click.IntRange(0, 100_000),
    default=100,
    show_default=True,
    help="Percent of the usual traffic.",
)
@click.option(
    "--speed",
    type=FiniteFloat(0, 3600, min_open=True),
    default=1.0,
    show_default=True,
    help="Simulated seconds a second, up to 3600.",
)
@click.option(
    "--start",
    default="",
    help="First minute, ISO 8601. Default: now; a day ago with --speed above 1; hours ago with --records.",
)
@click.option("--incidents", default="all", show_default=True, help="all, few, none, or kinds: a,b.")
@click.option(
    "--records",
    type=click.IntRange(0, RECORDS_MAX),
    default=0,
    help="Records after which it ends, at the end of a minute; 0: no end.",
)
@click.option(
    "--rate", type=RATE, default=0.0, help="Records a second of a bounded load; 0 is as fast as it goes."
)
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path), help="With --records: write the ledger here."
)
def world(**options: Any) -> None:
    """Build a synthetic VPC in the emulator and keep its traffic flowing, flow logs delivered as AWS does.

    Delivery takes minutes, as on AWS; `--speed 60` makes it seconds. A world that is faster than time starts
    a day ago, and goes on at speed 1 when it has caught up with the present.
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
    mendable = (NoWorld, BuildError, ProvisionError, ClientError, BotoCoreError, OSError)
    run(lambda: running.run(plan), mendable)


def _check_world(options: Mapping[str, Any]) -> None:
    """Check what the emulator would refuse later. Raises `BadWorld`."""
    from connectors.formats.flowlog import BadFormat, parse_format
    from connectors.setting_values import is_url
    from emulator.world.settings import BadWorld

    if options["ledger"] is not None and not options["records"]:
        raise BadWorld("--ledger needs --records: a ledger is kept of a load that ends.")
    if options["ledger"] is not None and not options["ledger"].absolute().parent.is_dir():
        raise BadWorld(f"--ledger {options['ledger']}: its folder does not exist.")
    if not is_url(options["endpoint"]):
        raise BadWorld(f"--endpoint {options['endpoint']!r} is no URL: write http://host:port.")
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
        raise BadWorld(f"--start {text} is no time: use ISO 8601, such as 2026-11-28T12:00:00Z.") from error
    if not 0 < start_s <= time.time():
        raise BadWorld(f"--start {text} is not in the past: a record is delivered after its traffic.")
    return start_s


def _world_plan(options: Mapping[str, Any]) -> Any:
    """Return what `world` was asked for. Raises `BadWorld` and `BadTopology`."""
    from emulator.world import running
    from emulator.world.builder.provisioning import Endpoint, Wanted
    from emulator.world.settings import read

    _check_world(options)
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
        settings=read({**{name: options[name] for name in names}, "start": _start_s(options["start"])}),
        ledger=options["ledger"],
    )
