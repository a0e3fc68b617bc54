"""What the tests of `connect s3` share: an emulator for each module, an account for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from emulator import server
from tests.beside import beside
from tests.connectors.s3.scene import BUCKET, Scene, use
from tests.emulator.flowlogs.account import Account

_NUMBERS = count(600_000_000_000)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator for the tests of a module, with a moto behind it that starts once."""
    with beside(server.emulator(transition_ms=0)) as url:
        yield url


@pytest.fixture
def scene(url: str, kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """An empty bucket and empty topics."""
    with Account(url, str(next(_NUMBERS))) as account:
        use(monkeypatch, account)
        scene = Scene(kafka, prefix, account=account, bucket=account.bucket(f"{BUCKET}-{account.number}"))
        yield scene
