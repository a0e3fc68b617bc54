"""Level, filter, interval, destination: all 54 combinations, delivered at once and equal to the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.world.settings import WorldSettings
from emulator.world.topology.file import read
from tests.emulator.flowlogs.account import Account
from tests.emulator.flowlogs.playing import (
    Counted,
    Total,
    built,
    log_lines,
    objects,
    of_ledger,
    played,
    role,
    text_lines,
)

pytestmark = [pytest.mark.moto, pytest.mark.process]

LEVELS = ("VPC", "Subnet", "NetworkInterface")
FILTERS = ("ALL", "ACCEPT", "REJECT")
INTERVALS = (60, 600)
DESTINATIONS = ("cloud-watch-logs", "s3", "kinesis-data-firehose")
COMBINATIONS = list(product(LEVELS, FILTERS, INTERVALS, DESTINATIONS))
BUCKET = "all-fifty-four"
START = 1_795_867_200
KINDS = ("broken_return", "host_sweep")  # so that something is rejected at each level
DEADLINE_S = 30.0


@dataclass(frozen=True)
class World:
    """A world that was played: its account, its ledger, and each combination's flow log."""

    account: Account
    ledger: dict[str, Any]
    flow_logs: dict[tuple[str, str, int, str], str]


@pytest.fixture(scope="module")
def world(url: str) -> Iterator[World]:
    """Twenty-odd minutes of traffic, delivered by fifty-four flow logs."""
    with Account(url, "300000000001") as account:
        path = Path(__file__).parent / "mixed.yaml"
        estate = built(account, read(path.read_text(), path.name))
        resources = {
            "VPC": estate.id("vpc", "mixed"),
            "Subnet": estate.id("subnet", "inside", "mixed"),
            "NetworkInterface": estate.id("network-interface", "old", "mixed"),
        }
        account.bucket(BUCKET)
        arn = role(account)
        flow_logs = {one: create(account, one, resources[one[0]], arn) for one in COMBINATIONS}
        ledger = played(account, WorldSettings(records=60_000, incidents=KINDS, busy=60, start=START))
        yield World(account, ledger, flow_logs)


def name_of(combination: tuple[str, str, int, str]) -> str:
    """Return a name for a combination's own log group, folder or delivery stream."""
    return "-".join(str(one).lower() for one in combination)


def create(account: Account, combination: tuple[str, str, int, str], resource: str, arn: str) -> str:
    """Create a combination's destination and its flow log."""
    level, filter_, interval, kind = combination
    name = name_of(combination)
    where: dict[str, Any] = {"LogDestination": f"arn:aws:s3:::{BUCKET}/{name}"}
    if kind == "cloud-watch-logs":
        where = {"LogGroupName": name, "DeliverLogsPermissionArn": arn}
    elif kind == "kinesis-data-firehose":
        where = {"LogDestination": delivery_stream(account, name)}
    answer = account.ec2.create_flow_logs(
        ResourceIds=[resource],
        ResourceType=level,
        TrafficType=filter_,
        MaxAggregationInterval=interval,
        LogDestinationType=kind,
        **where,
    )
    assert answer["Unsuccessful"] == []
    made: str = answer["FlowLogIds"][0]
    return made


def delivery_stream(account: Account, name: str) -> str:
    """Create a delivery stream that puts into a folder of its own at once."""
    destination = {
        "RoleARN": "arn:aws:iam::300000000001:role/firehose",
        "BucketARN": f"arn:aws:s3:::{BUCKET}",
        "Prefix": f"firehose/{name}/",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
    }
    answer = account.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination
    )
    arn: str = answer["DeliveryStreamARN"]
    return arn


def delivered(world: World, combination: tuple[str, str, int, str], expected: int) -> list[str]:
    """Return the lines that a combination's destination holds."""
    name, kind = name_of(combination), combination[3]
    if kind == "cloud-watch-logs":
        groups = world.account.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if name not in [group["logGroupName"] for group in groups]:
            return []  # It comes with the first record.
        return [event["message"] for _, event in log_lines(world.account, name)]
    if kind == "s3":
        files = objects(world.account, BUCKET, f"{name}/AWSLogs/")
        return [line for body in files.values() for line in text_lines(body, DEFAULT_FORMAT)]
    deadline = time.monotonic() + DEADLINE_S
    while True:
        bodies = b"".join(objects(world.account, BUCKET, f"firehose/{name}/").values())
        lines = [orjson.loads(line)["message"] for line in bodies.splitlines()]
        if len(lines) >= expected or time.monotonic() > deadline:
            return lines


def booked(world: World, combination: tuple[str, str, int, str]) -> set[Total]:
    """Return what the ledger says of a combination; nothing for a flow log that delivered nothing."""
    return of_ledger(world.ledger["flow_logs"].get(world.flow_logs[combination], []))


@pytest.mark.parametrize("combination", COMBINATIONS, ids=name_of)
def test_what_was_delivered_is_what_the_ledger_says(
    world: World, combination: tuple[str, str, int, str]
) -> None:
    ledger = booked(world, combination)
    expected = sum(row[3] for row in ledger)
    counted = Counted(DEFAULT_FORMAT)
    counted.add(delivered(world, combination, expected))
    assert counted.rows() == ledger
    assert expected or combination[:2] == ("NetworkInterface", "REJECT")  # one interface may reject nothing


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_accepted_and_rejected_make_all(world: World, level: str, interval: int, kind: str) -> None:
    def traffic(filter_: str) -> set[Any]:
        rows = booked(world, (level, filter_, interval, kind))
        return {row for row in rows if row[1] in ("ACCEPT", "REJECT")}

    assert traffic("ACCEPT") | traffic("REJECT") == traffic("ALL")
    assert not traffic("ACCEPT") & traffic("REJECT")


def test_an_instance_without_nitro_is_recorded_every_ten_minutes_when_asked(world: World) -> None:
    """VPC guide, "Aggregation interval": on Nitro it is a minute at most, whatever was asked for."""
    short, long = (
        sum(row[3] for row in booked(world, ("NetworkInterface", "ALL", interval, "cloud-watch-logs")))
        for interval in INTERVALS
    )
    assert long < short
