"""What the tests of `connect kinesis` share: an emulator for each module, an account for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from emulator import server
from tests.beside import beside
from tests.connectors.kinesis.scene import Clock, Scene
from tests.connectors.s3.scene import use
from tests.emulator.flowlogs.account import Account

_NUMBERS = count(500_000_000_000)


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The emulator's time, which a test may move."""
    return Clock()


@pytest.fixture(scope="module")
def url(clock: Clock) -> Iterator[str]:
    """An emulator for the tests of a module."""
    with beside(server.emulator(transition_ms=0, clock=clock.now_ms)) as url:
        yield url


@pytest.fixture
def scene(
    url: str, clock: Clock, kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """An account without streams, and empty topics."""
    number = str(next(_NUMBERS))
    with Account(url, number) as account:
        use(monkeypatch, account)
        yield Scene(kafka, prefix, account=account, clock=clock, stream=f"flow-logs-{number[-4:]}")
