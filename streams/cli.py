"""The command line `vpcflow`: the list of subcommands, each loaded when it is named.

A subcommand is one process of the system and has one module in `streams.commands`. `vpcflow emulate`
therefore never loads Faust, pydantic or structlog, which would be most of its start time. No module imports
this one.
"""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = (
    *("kafka", "emulate", "world", "connect", "inventory", "work", "archive", "notify", "serve", "replay"),
    *("read", "query", "diagnose", "reach", "rejects", "topics", "check"),
)
"""The subcommands in the order of the data flow; `streams.commands.<name>` defines the command `<name>`."""


class LazyGroup(click.Group):
    """A group that imports the module of a subcommand when the subcommand is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"streams.commands.{cmd_name}"), cmd_name)
        return command


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="vpc-flow-streams")
def main() -> None:
    """Process AWS VPC Flow Logs live: exact windows for each ENI, alerts, and a page.

    Start with `vpcflow replay`: it runs all processes on this machine and verifies the sums. Settings are
    environment variables that begin with VPCFLOW_, or lines of a file `vpcflow.env`; `vpcflow check` lists
    them.
    """


if __name__ == "__main__":
    main()
