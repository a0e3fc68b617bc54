"""Flow logs of one account that are delivered to another one's log group, delivery stream and bucket.

Sources: VPC guide, "Create a flow log that publishes to Amazon Data Firehose" (cross-account), and the API
reference of `CreateFlowLogs`, `DeliverCrossAccountRole`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from tests.emulator.flowlogs.account import REGION, Account
from tests.emulator.flowlogs.playing import built, log_lines, objects, played, role, shown, soon, text_lines

pytestmark = [pytest.mark.moto, pytest.mark.process]

LOAD = WorldSettings(records=2000, incidents=())


@pytest.fixture(scope="module")
def home(url: str) -> Iterator[Account]:
    """The account whose traffic it is."""
    with Account(url, "300000000011") as account:
        account.small = built(account, preset("small")).id("vpc", "small")  # type: ignore[attr-defined]
        role(account)
        yield account


@pytest.fixture(scope="module")
def theirs(url: str) -> Iterator[Account]:
    """The account that gets the flow logs."""
    with Account(url, "300000000012") as account:
        role(account)
        yield account


@pytest.fixture(autouse=True)
def no_other_flow_logs(home: Account) -> Iterator[None]:
    """What one test made delivers nothing in the next."""
    yield
    home.ec2.delete_flow_logs(FlowLogIds=[one["FlowLogId"] for one in home.described()])


def messages(account: Account, bucket: str) -> list[str]:
    """Return the lines that Firehose has written to a bucket."""
    bodies = objects(account, bucket).values()
    return [orjson.loads(line)["message"] for body in bodies for line in body.splitlines()]


def flow_log(home: Account, kind: str, arn: str, **more: Any) -> str:
    """Create a flow log of the VPC that goes somewhere, every minute."""
    where = {"LogGroupName": None, "LogDestinationType": kind, "LogDestination": arn}
    parameters = {"ResourceIds": [home.small], "MaxAggregationInterval": 60, **where, **more}  # type: ignore[attr-defined]
    return home.create(**home.settings(**parameters))


def test_a_log_group_of_another_account(home: Account, theirs: Account) -> None:
    arn = f"arn:aws:logs:{REGION}:{theirs.number}:log-group:from-home"
    flow_log(home, "cloud-watch-logs", arn, DeliverCrossAccountRole=theirs.role)
    ledger = played(home, LOAD)
    lines = [event["message"] for _, event in log_lines(theirs, "from-home")]
    assert len(lines) == ledger["lines"] >= 2000
    assert not home.logs.describe_log_groups(logGroupNamePrefix="from-home")["logGroups"]


def test_a_delivery_stream_of_another_account(home: Account, theirs: Account) -> None:
    bucket = theirs.bucket("across-firehose")
    theirs.client("firehose").create_delivery_stream(
        DeliveryStreamName="from-home",
        ExtendedS3DestinationConfiguration={
            "RoleARN": theirs.role,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        },
    )
    arn = f"arn:aws:firehose:{REGION}:{theirs.number}:deliverystream/from-home"
    flow_log(home, "kinesis-data-firehose", arn, DeliverCrossAccountRole=theirs.role)
    ledger = played(home, LOAD)
    # Firehose writes what it has taken a moment later.
    lines = soon(lambda: len(found := messages(theirs, bucket)) >= ledger["lines"] and found)
    assert len(lines) == ledger["lines"] >= 2000
    assert all(len(line.split(" ")) == len(DEFAULT_FORMAT) for line in lines)


def test_a_bucket_of_another_account(home: Account, theirs: Account) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": ["s3:PutObject", "s3:GetBucketAcl"],
                "Resource": ["arn:aws:s3:::across-bucket", "arn:aws:s3:::across-bucket/*"],
            }
        ],
    }
    bucket = theirs.bucket("across-bucket", policy)
    flow_log(home, "s3", f"arn:aws:s3:::{bucket}", DeliverLogsPermissionArn=None)
    ledger = played(home, LOAD)
    lines = [line for body in objects(theirs, bucket).values() for line in text_lines(body, DEFAULT_FORMAT)]
    assert len(lines) == ledger["lines"] >= 2000


def test_without_the_other_accounts_role_nothing_is_delivered(home: Account, theirs: Account) -> None:
    """A role that nobody has made: the flow log is created, and its delivery fails."""
    arn = f"arn:aws:logs:{REGION}:{theirs.number}:log-group:refused"
    missing = f"{theirs.role}-missing"
    made = flow_log(home, "cloud-watch-logs", arn, DeliverCrossAccountRole=missing)
    played(home, LOAD)
    (described,) = home.described(FlowLogIds=[made])
    assert (described["DeliverLogsStatus"], described["DeliverLogsErrorMessage"]) == (
        "FAILED",
        "Access error",
    )
    told = shown(home, made)
    assert told["reason"] == f"The role {missing} does not exist."
    assert told["lines"] == 0
    assert not theirs.logs.describe_log_groups(logGroupNamePrefix="refused")["logGroups"]
