"""Run a subcommand with absurd values for each of its parameters; print every run without a sentence.

`python -m tests.streams.commands.absurd_arguments connect kinesis`. A process of its own, because commands
set up logs and signals. Nothing can succeed: Kafka, the AWS endpoint and the emulator's port are not usable
here.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator

import click
from click.testing import CliRunner

from streams.cli import main

WITHIN_S = 15
VALUES = (
    *("", " ", "-5", "0", "-0.0", "1e309", "nan", "inf", "99999", "9" * 30, "0x10", "1_000"),
    *("abc", "ü\n", "${HOME}", "../..", "/", "/dev/null", "/no/such/folder/file", "a" * 5000, "\x7f\x1b[0m"),
    *(
        "s3://x",
        "[::1",
        "http://[",
        "http://127.0.0.1:99999",
        "tag:",
        "kinesis:",
        "s3:",
        "2026-13-45",
        "9999-12-31",
    ),
    *("{", "${version} ${version}", "--", "²", "256.1.1.1", "SASL_SSL://host:9098", "all,nonsense", "few"),
)


class StillRunning(Exception):
    """A command has not ended in time."""


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every subcommand that runs something."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, (*path, name))
    else:
        yield path


def found(path: tuple[str, ...]) -> click.Command:
    """Return the subcommand at a path."""
    command: click.Command | None = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


def cases(path: tuple[str, ...], taken: str, closed: str) -> Iterator[list[str]]:
    """Yield the arguments of every run: one parameter is absurd, the others let the command fail soon."""
    given = {
        ("kafka",): {"--port": taken},
        ("emulate",): {"--port": taken},
        ("replay",): {"--external-endpoint": closed},
        ("check",): {"part": "work"},
        ("topics", "schema"): {"topic": "none"},
        ("connect", "reset"): {"source": "kinesis:flow-logs", "--to": "end"},
    }.get(path, {})
    yield [*path, *_written(given)]
    for parameter in found(path).params:
        name = parameter.opts[0]
        if isinstance(parameter, click.Option) and parameter.is_flag:
            yield [*path, *_written(given), name]
            continue
        for value in VALUES:
            is_free_port = path in {("kafka",), ("emulate",)} and name == "--port" and value in {"0", "1_000"}
            if not is_free_port:  # There it would run.
                yield [*path, *_written(given | {name: value})]


def _written(given: dict[str, str]) -> list[str]:
    options = [f"{name}={value}" for name, value in given.items() if name.startswith("-")]
    arguments = [value for name, value in given.items() if not name.startswith("-")]
    return [*options, "--", *arguments] if arguments else options


def fault(arguments: list[str]) -> str:
    """Run a command; return what is wrong with how it ended, or nothing."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(WITHIN_S)
    result = CliRunner().invoke(main, arguments)
    signal.alarm(0)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"raises {result.exception!r}"
    if "Traceback" in result.output or "stopped by an error" in result.output:
        return f"has a traceback: {result.output[-1500:]}"
    if result.exit_code not in {1, 2}:
        return f"exits with {result.exit_code}: {result.output[-500:]}"
    return "" if result.output.strip() else "says nothing"


def _too_late(*_: object) -> None:
    raise StillRunning


def run(path: tuple[str, ...]) -> int:
    """Run every case; return how many are at fault."""
    with socket.socket() as other, socket.socket() as unused, tempfile.TemporaryDirectory() as folder:
        for one in (other, unused):
            one.bind(("127.0.0.1", 0))
        other.listen()  # `unused` does not listen, so its port is closed as long as it is bound.
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
        for name in [name for name in os.environ if name.startswith(("VPCFLOW_", "AWS_", "LOCALSTACK_"))]:
            del os.environ[name]
        os.environ |= {"VPCFLOW_KAFKA": closed, "AWS_ENDPOINT_URL": f"http://{closed}", "HOME": folder}
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        os.chdir(folder)
        faults = 0
        for arguments in cases(path, str(other.getsockname()[1]), f"http://{closed}"):
            if why := fault(arguments):
                faults += 1
                print(f"{[one[:60] for one in arguments]} {why}")
        return faults


if __name__ == "__main__":
    sys.exit(1 if run(tuple(sys.argv[1:])) else 0)
