"""A subcommand that needs the packages of the extra `local`, which the production image does not have."""

from __future__ import annotations

from typing import Any

import click

OURS = frozenset({"connectors", "emulator", "streams"})


class LocalCommand(click.Command):
    """A subcommand that reports a missing package of the extra `local` in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. Raises `click.ClickException` if a package of another project is missing."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if not package or package in OURS:
                raise
            raise click.ClickException(
                f"`vpcflow {ctx.info_name}` needs the Python package {package}, which is part of the extra"
                " `local`: install requirements.lock, or use the target `emulator` of the container image"
            ) from error
