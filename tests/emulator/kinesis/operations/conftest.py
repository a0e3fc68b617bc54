"""The endpoint under test: the one that `VPCFLOW_TEST_ENDPOINT` names, else an emulator started once.

Tests that need a clock or limits of their own ask for `own`, and are skipped when another endpoint is tested.
`VPCFLOW_TEST_DIFFERENCES` names a table of what is known to differ there: `localstack` is `localstack.toml`.
The table is strict: a test in it must fail, with an answer that its entry gives, and an entry must cover one.
"""

from __future__ import annotations

import asyncio
import os
import re
import tomllib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator import server
from tests.emulator.kinesis.operations.api import REGION, HttpApi, OwnApi

HERE = Path(__file__).parent
ENDPOINT = os.environ.get("VPCFLOW_TEST_ENDPOINT", "")
TABLE = os.environ.get("VPCFLOW_TEST_DIFFERENCES", "") if ENDPOINT else ""
TRANSITION_MS = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry of the table: which tests fail for one reason, and what the endpoint answers them last."""

    tests: list[str]  # `test_file.py::test_name[parameters]`, where `*` stands for anything
    answers: list[str]  # regular expressions: status and body of an answer
    reason: str

    def covers(self, test: str) -> bool:
        """Say whether a test is one of these."""
        return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), test, re.DOTALL) for one in self.tests)

    def explains(self, answer: str) -> bool:
        """Say whether an answer is one that is known."""
        return any(re.search(one, answer, re.DOTALL) for one in self.answers)


KNOWN = pytest.StashKey[Difference]()


def differences() -> list[Difference]:
    """Return the table of the endpoint under test."""
    if not TABLE:
        return []
    return [
        Difference(**entry) for entry in tomllib.loads((HERE / f"{TABLE}.toml").read_text())["difference"]
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect of the tests in the table that they fail, and of the table that it names tests."""
    here = [item for item in items if item.path.parent == HERE]
    table = differences()
    unused = list(table)
    for item in here:
        test = f"{item.path.name}::{item.name}"
        known = next((entry for entry in table if entry.covers(test)), None)
        if known is not None and "own" not in getattr(item, "fixturenames", ()):
            item.stash[KNOWN] = known
            item.add_marker(pytest.mark.xfail(reason=known.reason, strict=True))
            unused = [entry for entry in unused if entry is not known]
    is_whole = {item.path for item in here} >= set(HERE.glob("test_*.py"))
    if unused and is_whole:
        raise pytest.UsageError(f"{TABLE}.toml: these cover no test: {[entry.tests for entry in unused]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a known difference be only the one that is known."""
    report = yield
    known, api = item.stash.get(KNOWN, None), getattr(item, "funcargs", {}).get("kinesis")
    heard = api.heard if isinstance(api, HttpApi) else ""
    if known is not None and report.skipped and hasattr(report, "wasxfail") and not known.explains(heard):
        del report.wasxfail
        report.outcome = "failed"
        report.longrepr = f"it fails, but otherwise than {TABLE}.toml says; the last answer is {heard}"
    return report


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL to call."""
    if ENDPOINT:
        yield ENDPOINT.rstrip("/")
        return
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def live() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with server.emulator(transition_ms=TRANSITION_MS) as url:
            started.set_result((url, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def fail(life: Future[None]) -> None:
        """Have the tests know why a server never started."""
        if not started.done():
            started.set_exception(life.exception() or OSError("the emulator ended before it started"))

    with ThreadPoolExecutor(1, "emulator") as pool:
        life = pool.submit(lambda: asyncio.run(live()))
        life.add_done_callback(fail)
        url, stop = started.result()
        yield url
        stop()
        life.result()


@pytest.fixture(scope="module")
def kinesis(endpoint: str) -> Iterator[HttpApi]:
    """The API over HTTP. What a module's tests create is deleted after them."""
    keys = {} if ENDPOINT else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    api = HttpApi(endpoint, boto3.Session(region_name=REGION, **keys))
    yield api
    api.close()


@pytest.fixture(scope="module")
def name(kinesis: HttpApi) -> str:
    """A stream of three shards that a module's tests share, and do not change."""
    return kinesis.stream(3)


@pytest.fixture
def own() -> Callable[..., OwnApi]:
    """Makes an emulator of the test's own, with limits and a clock."""
    if ENDPOINT:
        pytest.skip("needs an emulator of its own, not the endpoint under test")

    def make(**limits: Any) -> OwnApi:
        return OwnApi(**limits)

    return make
