"""A bounded world in an account: built, played to its end, and read back as a user would."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import polars as pl

from emulator.world.builder.building import Built, build
from emulator.world.remote import RemoteWorld
from emulator.world.settings import WorldSettings
from emulator.world.topology.model import Topology
from tests.emulator.flowlogs.account import Account

DEADLINE_S, SOON_S = 120.0, 60.0
T = TypeVar("T")
Total = tuple[str, str, int, int, int, int]
"""ENI, action, window, flows, packets, bytes."""


def built(account: Account, topology: Topology) -> Built:
    """Build a topology in an account."""
    return asyncio.run(build(account.ec2, topology))


def role(account: Account) -> str:
    """Make the role that a flow log to CloudWatch Logs needs, as AWS's guide has it; return its ARN."""
    iam, name = account.client("iam"), account.role.rpartition("/")[2]
    trust = _policy({"Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    actions = ["CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogGroups", "DescribeLogStreams"]
    allowed = _policy({"Action": [f"logs:{one}" for one in actions], "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=allowed)
    return account.role


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def played(account: Account, settings: WorldSettings) -> dict[str, Any]:
    """Play a bounded world to its end; return its ledger."""

    async def play() -> dict[str, Any]:
        world = RemoteWorld(account.url)
        await world.play(settings)
        deadline = time.monotonic() + DEADLINE_S
        while not (progress := await world.progress())["is_done"]:
            assert not progress["failure"], progress
            assert time.monotonic() < deadline, progress
            await asyncio.sleep(0.1)
        ledger: dict[str, Any] = orjson.loads(await world.ledger())
        return ledger

    return asyncio.run(play())


def soon(look: Callable[[], T]) -> T:
    """Return the first that is something."""
    deadline = time.monotonic() + SOON_S
    while not (found := look()):
        assert time.monotonic() < deadline
    return found


def shown(account: Account, flow_log_id: str) -> dict[str, Any]:
    """Return what the emulator's own page says of a flow log."""
    told = asyncio.run(RemoteWorld(account.url).flow_logs())
    return next(one for one in told if one["flow_log_id"] == flow_log_id)


@dataclass(slots=True)
class Counted:
    """Totals of lines by (ENI, action, window), read by nothing but `split`: the referee's own way."""

    fields: tuple[str, ...]
    totals: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)

    def add(self, lines: Iterable[str]) -> None:
        """Add lines in the format."""
        at = {name: place for place, name in enumerate(self.fields)}
        for line in lines:
            parts = line.split(" ")
            assert len(parts) == len(self.fields), line
            status = parts[at["log-status"]]
            action = parts[at["action"]] if status == "OK" else status
            start = int(parts[at["start"]])
            total = self.totals.setdefault((parts[at["interface-id"]], action, start - start % 60), [0, 0, 0])
            total[0] += 1
            for place, name in ((1, "packets"), (2, "bytes")):
                total[place] += int(parts[at[name]]) if parts[at[name]] != "-" else 0

    def rows(self) -> set[Total]:
        """Return the totals."""
        return {(*key, *total) for key, total in self.totals.items()}  # type: ignore[misc]


def of_ledger(rows: Iterable[list[Any]]) -> set[Total]:
    """Return a ledger's totals in the same shape."""
    return {(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows}


def log_lines(account: Account, group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (log stream, event) of everything in a log group."""
    for page in account.logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            yield event["logStreamName"], event


def objects(account: Account, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Return every object of a bucket by its key."""
    found = {}
    for page in account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents") or ():
            found[one["Key"]] = account.client("s3").get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
    return found


def text_lines(body: bytes, fields: tuple[str, ...]) -> list[str]:
    """Return the records of a text file; its first line must be the header."""
    header, *lines = gzip.decompress(body).decode().splitlines()
    assert header == " ".join(fields)
    return lines


def parquet(body: bytes) -> pl.DataFrame:
    """Return a Parquet file's records."""
    return pl.read_parquet(io.BytesIO(body))
