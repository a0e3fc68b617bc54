"""One emulator for every test of a built estate; each preset has an account of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator import server
from tests.beside import beside
from tests.emulator.world.stages import Stage, staged


@pytest.fixture(scope="session")
def ec2_url() -> Iterator[str]:
    """The URL of an emulator, with a moto behind it."""
    with beside(server.emulator()) as url:
        yield url


@pytest.fixture(scope="session")
def small(ec2_url: str) -> Iterator[Stage]:
    """The preset `small`."""
    with staged(ec2_url, "small", "111111111111") as stage:
        yield stage


@pytest.fixture(scope="session")
def shop(ec2_url: str) -> Iterator[Stage]:
    """The preset `shop`."""
    with staged(ec2_url, "shop", "222222222222") as stage:
        yield stage


@pytest.fixture(params=["small", "shop"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each of the two."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Stage)
    return found
