"""The texts of `vpcflow connect`: what a person must know before a command is used."""

from __future__ import annotations

from click.testing import CliRunner

from streams.cli import main


def test_reset_says_that_lines_are_counted_again_and_recommends_a_new_prefix() -> None:
    said = " ".join(CliRunner().invoke(main, ["connect", "reset", "--help"]).output.split())
    assert "Lines that are read again are counted again" in said
    assert "with a new VPCFLOW_PREFIX instead" in said
