"""The options of `vpcflow replay`, checked before anything starts."""

from __future__ import annotations

import errno
import os
import socket
import tempfile

from connectors.formats.flowlog import BadFormat, parse_format
from connectors.setting_values import is_url
from emulator.world.running import topology_of
from emulator.world.settings import BadWorld, read
from emulator.world.topology.file import BadTopology
from streams.replay.load import ReplayError, ReplayOptions


def check(options: ReplayOptions) -> None:
    """Raise `ReplayError` if the options are invalid or contradict each other."""
    _check_combination(options)
    try:
        # `incidents` is checked without a world too, so that a misspelt kind is an error in any case.
        read({"seed": options.seed, "busy": options.busy, "incidents": options.incidents})
        if options.world is not None:
            topology_of(options.world)
        if options.line_format is not None:
            parse_format(options.line_format)
    except (BadWorld, BadTopology) as error:
        raise ReplayError(str(error)) from error
    except BadFormat as error:
        raise ReplayError(f"--format: {error}") from error
    if options.external_endpoint is not None and not is_url(options.external_endpoint):
        raise ReplayError(
            f"--external-endpoint {options.external_endpoint!r} is no URL: write http://host:port"
        )
    _check_port(options.port)
    _check_temporary_folder()


def _check_combination(options: ReplayOptions) -> None:
    if options.path is not None and options.world is not None:
        raise ReplayError("--file and --world are two loads: leave one of them out")
    if options.source != "kinesis" and options.world is None:
        raise ReplayError(f"--source {options.source} needs --world: only flow logs are delivered there")
    if options.kafka_security != "plaintext" and os.environ.get("VPCFLOW_KAFKA"):
        raise ReplayError(
            "--kafka-security is for the Kafka that the replay starts: leave it out, or unset VPCFLOW_KAFKA"
            " (VPCFLOW_KAFKA_SECURITY is for that one)"
        )
    if options.world is not None and options.external_endpoint is not None:
        raise ReplayError("--world is simulated by the emulator of the replay: leave --external-endpoint out")


def _check_port(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            why = (
                "is taken by another process"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error}"
            )
            raise ReplayError(f"--port {port} {why}; choose another, or leave it out") from error


def _check_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise ReplayError("no temporary folder is writable: set TMPDIR to one that is") from error
