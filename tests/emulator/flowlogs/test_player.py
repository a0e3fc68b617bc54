"""The process that plays the world: it never outlives its emulator, and its own death is no silence."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from emulator.ports import free_port
from tests.emulator.flowlogs.account import Account

pytestmark = [pytest.mark.moto, pytest.mark.process]

ROOT = Path(__file__).parents[3]
DEADLINE_S = 30.0


@contextmanager
def emulator() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `vpcflow emulate` as a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "streams.cli", "emulate", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: asked(url, "GET"))
        yield url, process
    finally:
        process.kill()
        process.wait()


def asked(url: str, method: str, body: bytes | None = None) -> dict[str, Any]:
    """Ask for the world, or set it; nothing while nobody answers."""
    request = urllib.request.Request(f"{url}/_vpcflow/world", data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except OSError:
        return {}


def until(look: Callable[[], Any]) -> Any:
    """Return the first that is something."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := look()):
        assert time.monotonic() < deadline
    return found


def player(url: str) -> psutil.Process:
    """Return the player, once it runs."""
    return psutil.Process(until(lambda: asked(url, "GET").get("player")))


def test_it_starts_with_the_first_flow_log_and_ends_with_the_emulator_however_that_ends() -> None:
    with emulator() as (url, process), Account(url, "300000000004") as account:
        assert asked(url, "GET")["player"] == 0
        account.create(**account.settings())
        playing = player(url)
        process.send_signal(signal.SIGKILL)
        playing.wait(DEADLINE_S)
        assert not playing.is_running()


def test_a_player_that_died_is_started_again() -> None:
    with emulator() as (url, _), Account(url, "300000000005") as account:
        account.create(**account.settings())
        first = player(url)
        first.send_signal(signal.SIGKILL)
        again = until(lambda: (pid := asked(url, "GET").get("player")) and pid != first.pid and pid)
        assert psutil.Process(again).is_running()


def test_a_bounded_load_says_that_its_player_died() -> None:
    with emulator() as (url, _), Account(url, "300000000006") as account:
        account.create(**account.settings())
        asked(url, "PUT", b'{"records": 100000000, "rate": 10}')
        player(url).send_signal(signal.SIGKILL)
        failure = until(lambda: asked(url, "GET")["progress"]["failure"])
        assert failure == "the process that plays the world ended with status -9"
