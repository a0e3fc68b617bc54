"""The command line: every subcommand has a module of its own, and is loaded when it is named, not before."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from streams.cli import COMMANDS, main

SHORT_HELP_CHARACTERS = 60
"""click cuts what is longer in the list of `vpcflow --help`."""

HEAVY = ("faust", "pydantic", "structlog", "polars", "aiokafka", "boto3")


def test_help_lists_every_subcommand_in_the_order_of_the_data_flow_with_a_whole_sentence() -> None:
    output = CliRunner().invoke(main, ["--help"]).output
    listed = [line.split(maxsplit=1) for line in output.partition("Commands:\n")[2].splitlines()]
    assert tuple(name for name, _ in listed) == COMMANDS
    assert all(text.endswith(".") and not text.endswith("...") for _, text in listed)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_subcommand_is_named_as_its_module(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert len((command.help or "").partition("\n")[0]) <= SHORT_HELP_CHARACTERS


@pytest.mark.parametrize("name", ["running", "checks", "emulator", ""])
def test_a_module_that_is_no_subcommand_is_unknown(name: str) -> None:
    result = CliRunner().invoke(main, [name])
    assert result.exit_code == 2
    assert f"No such command '{name}'" in result.output


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--version"], ["emulate", "--help"], ["work", "--help"]])
def test_a_text_is_printed_without_loading_what_a_process_needs(arguments: list[str]) -> None:
    code = (
        "import sys; from streams.cli import main; main(sys.argv[1:], standalone_mode=False)\n"
        f"print('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    ).stdout
    assert told.splitlines()[-1].split() == ["LOADED"]
