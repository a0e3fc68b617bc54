"""Presets that were built in an emulator and read back: what tests of either look at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.vpc.ec2 import reading
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId
from emulator.world.builder import building
from emulator.world.builder.building import Built
from emulator.world.topology.presets import preset
from tests.emulator.aws import session


@dataclass(frozen=True, slots=True)
class Stage:
    """A built preset: its client, what the build says, and what is read back."""

    ec2: Any
    built: Built
    told: reading.EstateReading

    @property
    def estate(self) -> Estate:
        return self.told.estate

    def eni(self, name: str, vpc: str) -> Eni:
        return self.estate.enis[EniId(self.built.id("network-interface", name, vpc))]


@contextmanager
def client(url: str, account: str) -> Iterator[Any]:
    """Yield an EC2 client of an account."""
    ec2 = session(account).client("ec2", "eu-west-1", endpoint_url=url)
    try:
        yield ec2
    finally:
        ec2.close()


@contextmanager
def staged(url: str, name: str, account: str) -> Iterator[Stage]:
    """Build a preset in an account, and read it back."""
    with client(url, account) as ec2:
        built = asyncio.run(building.build(ec2, preset(name)))
        yield Stage(ec2, built, reading.read(ec2))
