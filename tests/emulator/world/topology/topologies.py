"""Short topology files for tests, and what they are refused with."""

from __future__ import annotations

from textwrap import indent

import pytest

from emulator.world.topology.file import BadTopology, read

NAME = "mine.yaml"
HEAD = "name: t\nvpcs:\n  a:\n    cidrs: [10.0.0.0/16]\n"
SUBNETS = """\
subnets:
  one: {cidr: 10.0.0.0/24}
  two: {cidr: 10.0.1.0/24, zone: b}
"""
TWO_VPCS = HEAD + "  b:\n    cidrs: [10.1.0.0/16]\n"


def vpc(text: str) -> str:
    """Return a file with these keys in its VPC `a`; the first of them is in line 5."""
    return HEAD + indent(text, "    ")


def placed(text: str) -> str:
    """Return the same with two subnets before them; the first key is in line 8."""
    return vpc(SUBNETS + text)


def refused(text: str) -> str:
    """Return what a file is refused with, without the file's name in front of each line."""
    with pytest.raises(BadTopology) as caught:
        read(text, NAME)
    lines = str(caught.value).splitlines()
    assert all(line.startswith((f"{NAME}:", "… and ")) for line in lines)
    return "\n".join(line.removeprefix(f"{NAME}:") for line in lines)
