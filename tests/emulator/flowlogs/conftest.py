"""What the tests of flow logs share: an emulator for each module, and an account for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from emulator import server
from tests.beside import beside
from tests.emulator.flowlogs.account import Account

_NUMBERS = count(200_000_000_000)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator for the tests of a module, with a moto behind it that starts once."""
    with beside(server.emulator(transition_ms=0)) as url:
        yield url


@pytest.fixture
def account(url: str) -> Iterator[Account]:
    """An account in which nothing is but the default VPC."""
    with Account(url, str(next(_NUMBERS))) as account:
        yield account


@pytest.fixture
def other(url: str) -> Iterator[Account]:
    """Another account."""
    with Account(url, str(next(_NUMBERS))) as account:
        yield account
