"""A command that a user runs in the account of a topology."""

from __future__ import annotations

from click.testing import CliRunner, Result

from streams.cli import main
from tests.connectors.vpc.diagnosis.lab import Lab


def run_in(lab: Lab, *words: str) -> Result:
    """Run a command with the names of the topology replaced by ids."""
    return CliRunner(mix_stderr=False).invoke(main, [*map(lab.id, words)], env=lab.environment)
