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

from emulator.kafka.ports import free_port
from emulator.world.topology.presets import preset
from tests.emulator.flowlogs.account import Account
from tests.emulator.flowlogs.playing import built, role

pytestmark = [pytest.mark.moto, pytest.mark.process]

ROOT = Path(__file__).parents[4]
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
            document: dict[str, Any] = json.load(answer)
            return document
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


def test_a_bounded_load_says_how_its_process_ended_and_what_it_wrote_last() -> None:
    with emulator() as (url, _), Account(url, "300000000006") as account:
        vpc = built(account, preset("small")).id("vpc", "small")
        account.create(**account.settings(ResourceIds=[vpc]))
        asked(url, "PUT", b'{"records": 100000000, "rate": 10}')
        until(lambda: asked(url, "GET")["progress"]["lines"])
        player(url).send_signal(signal.SIGINT)
        failure = until(lambda: asked(url, "GET")["progress"]["failure"])
        assert failure.startswith("the simulator process ended with status -2; its standard error ends with:")
        assert failure.endswith("KeyboardInterrupt")


def test_a_bounded_load_of_which_nothing_can_come_says_so() -> None:
    with emulator() as (url, _), Account(url, "300000000007") as account:
        account.create(**account.settings())
        asked(url, "PUT", b'{"records": 1000}')
        failure = until(lambda: asked(url, "GET")["progress"]["failure"])
        assert failure == (
            "no records in 30 simulated minutes: check that the resources of the flow logs have network"
            " interfaces"
        )


def test_what_an_incident_changed_is_taken_back_when_the_last_flow_log_goes() -> None:
    with emulator() as (url, _), Account(url, "300000000008") as account:
        vpc = built(account, preset("small")).id("vpc", "small")
        before = rules(account)
        made = account.create(**account.settings(ResourceIds=[vpc]))
        asked(url, "PUT", b'{"speed": 120, "incidents": ["removed_rule"]}')
        until(lambda: rules(account) < before)
        account.ec2.delete_flow_logs(FlowLogIds=[made])
        until(lambda: rules(account) == before)


def rules(account: Account) -> int:
    """Return how many rules there are."""
    return len(account.ec2.describe_security_group_rules(MaxResults=1000)["SecurityGroupRules"])


def test_a_flow_log_gets_nothing_from_before_it_was_created() -> None:
    with emulator() as (url, _), Account(url, "300000000009") as account:
        vpc = built(account, preset("small")).id("vpc", "small")
        asked(url, "PUT", b'{"speed": 240, "incidents": []}')
        first = account.create(**account.settings(ResourceIds=[vpc], MaxAggregationInterval=60))
        until(lambda: asked(url, "GET")["progress"]["lines"])
        account.ec2.delete_flow_logs(FlowLogIds=[first])
        stood = asked(url, "GET")["progress"]["now"]
        until(lambda: asked(url, "GET")["progress"]["now"] >= stood and time.monotonic() % 3 < 0.2)
        second = account.settings(ResourceIds=[vpc], LogGroupName="second", MaxAggregationInterval=60)
        began = asked(url, "GET")["progress"]["now"]
        role(account)
        account.create(**second)
        until(lambda: has_events(account, "second"))
        events = account.logs.filter_log_events(logGroupName="second")["events"]
        assert min(int(one["message"].split(" ")[10]) for one in events) >= began


def has_events(account: Account, group: str) -> bool:
    """Say whether something was delivered to a log group."""
    groups = account.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return bool(groups and account.logs.filter_log_events(logGroupName=group)["events"])
