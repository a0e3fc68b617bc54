"""What AWS's own tutorials do with flow logs, with boto3 and nothing else, for each destination.

"Create a flow log that publishes to CloudWatch Logs / Amazon S3 / Amazon Data Firehose", VPC guide: a name, a
filter, an interval, a destination, a format; then see the flow log, its format, and its records arrive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors.formats.envelope import unwrap
from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, log_format, parse_format
from emulator.world.remote import RemoteWorld
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from tests.emulator.flowlogs.account import Account
from tests.emulator.flowlogs.playing import (
    built,
    log_lines,
    objects,
    parquet,
    played,
    role,
    shown,
    soon,
    text_lines,
)

pytestmark = [pytest.mark.moto, pytest.mark.process]

EVERY_FIELD = tuple(name for name, version in FIELD_VERSIONS.items() if version != 6)
FAST = WorldSettings(speed=600.0, incidents=())


@pytest.fixture(scope="module")
def home(url: str) -> Iterator[Account]:
    """An account with the preset `small`, in which the world goes on ten minutes a second."""
    with Account(url, "300000000002") as account:
        account.small = built(account, preset("small")).id("vpc", "small")  # type: ignore[attr-defined]
        role(account)
        yield account


async def fast(account: Account) -> None:
    """Let the world's time fly."""
    await RemoteWorld(account.url).play(FAST)


def flow_log(account: Account, name: str, **more: Any) -> str:
    """Create a flow log of the VPC, named, every minute."""
    tags = [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "Name", "Value": name}]}]
    parameters = account.settings(
        ResourceIds=[account.small],  # type: ignore[attr-defined]
        MaxAggregationInterval=60,
        TagSpecifications=tags,
        **more,
    )
    return account.create(**parameters)


async def test_publish_to_cloudwatch_logs(home: Account) -> None:
    made = flow_log(home, "to-logs", LogGroupName="my-flow-logs", TrafficType="ALL")
    (described,) = home.described(FlowLogIds=[made])
    assert (described["FlowLogStatus"], described["DeliverLogsStatus"]) == ("ACTIVE", "SUCCESS")
    assert described["LogFormat"] == log_format(DEFAULT_FORMAT)
    assert described["Tags"] == [{"Key": "Name", "Value": "to-logs"}]
    await fast(home)

    def events() -> list[tuple[str, dict[str, Any]]]:
        return list(log_lines(home, "my-flow-logs")) if has_group(home, "my-flow-logs") else []

    for stream, event in soon(events):
        record = dict(zip(DEFAULT_FORMAT, event["message"].split(" "), strict=True))
        assert stream == f"{record['interface-id']}-all"
        assert event["timestamp"] == int(record["start"]) * 1000
        assert record["log-status"] in ("OK", "NODATA")
    home.ec2.delete_flow_logs(FlowLogIds=[made])
    assert not home.described(FlowLogIds=[]) or made not in str(home.described())


async def test_publish_to_s3_in_a_format_of_ones_own(home: Account) -> None:
    fields = parse_format("${interface-id} ${pkt-srcaddr} ${pkt-dstaddr} ${bytes} ${action} ${start} ${end}")
    bucket = home.bucket("hands-on-flow-logs")
    where = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{bucket}/mine/"}
    made = flow_log(
        home, "to-s3", LogGroupName=None, DeliverLogsPermissionArn=None, LogFormat=log_format(fields), **where
    )
    await fast(home)
    for key, body in soon(lambda: objects(home, bucket)).items():
        assert key.startswith(f"mine/AWSLogs/{home.number}/vpcflowlogs/eu-west-1/")
        assert made in key
        assert text_lines(body, fields)
    home.ec2.delete_flow_logs(FlowLogIds=[made])


async def test_publish_to_firehose(home: Account) -> None:
    bucket = home.bucket("hands-on-firehose")
    destination = {
        "RoleARN": home.role,
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
    }
    home.client("firehose").create_delivery_stream(
        DeliveryStreamName="hands-on", ExtendedS3DestinationConfiguration=destination
    )
    arn = f"arn:aws:firehose:eu-west-1:{home.number}:deliverystream/hands-on"
    where = {"LogDestinationType": "kinesis-data-firehose", "LogDestination": arn}
    made = flow_log(home, "to-firehose", LogGroupName=None, DeliverLogsPermissionArn=None, **where)
    await fast(home)
    for body in soon(lambda: objects(home, bucket)).values():
        for line in body.splitlines():
            assert len(orjson.loads(line)["message"].split(" ")) == len(DEFAULT_FORMAT)
    home.ec2.delete_flow_logs(FlowLogIds=[made])


async def test_a_subscription_carries_them_on_to_kinesis(home: Account) -> None:
    """CloudWatch Logs guide, "Subscription filters with Kinesis Data Streams"."""
    kinesis = home.client("kinesis")
    kinesis.create_stream(StreamName="root-access", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="root-access", WaiterConfig={"Delay": 1})
    home.logs.create_log_group(logGroupName="subscribed")
    home.logs.put_subscription_filter(
        logGroupName="subscribed",
        filterName="to-kinesis",
        filterPattern='[version, account, eni, ..., action="ACCEPT", flowlogstatus]',
        destinationArn=f"arn:aws:kinesis:eu-west-1:{home.number}:stream/root-access",
        roleArn=home.role,
    )
    made = flow_log(home, "to-kinesis", LogGroupName="subscribed")
    await fast(home)
    at = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}

    def lines() -> list[bytes]:
        start = kinesis.get_shard_iterator(StreamName="root-access", **at)["ShardIterator"]
        records = kinesis.get_records(ShardIterator=start)["Records"]
        return [line for one in records for line in unwrap(one["Data"]).lines.splitlines()]

    found = soon(lines)
    assert all(b" ACCEPT OK" in line for line in found)
    home.ec2.delete_flow_logs(FlowLogIds=[made])


def test_every_field_there_is_is_delivered_and_parsed_back(home: Account) -> None:
    """As text and as Parquet; equal field for field, `-` for null."""
    bucket = home.bucket("every-field")
    made = []
    for kind in ("plain-text", "parquet"):
        where = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{bucket}/{kind}/"}
        options = {"DestinationOptions": {"FileFormat": kind}, "LogFormat": log_format(EVERY_FIELD)}
        made.append(
            flow_log(home, kind, LogGroupName=None, DeliverLogsPermissionArn=None, **where, **options)
        )
    ledger = played(home, WorldSettings(records=2000, incidents=()))
    texts = [
        line
        for _, body in sorted(objects(home, bucket, "plain-text").items())
        for line in text_lines(body, EVERY_FIELD)
    ]
    frames = [parquet(body) for _, body in sorted(objects(home, bucket, "parquet").items())]
    rows = [
        " ".join("-" if value is None else str(value) for value in row)
        for frame in frames
        for row in frame.iter_rows()
    ]
    assert sorted(texts) == sorted(rows)
    assert len(texts) * 2 == ledger["lines"]
    assert all(line.startswith("11 ") for line in texts)
    home.ec2.delete_flow_logs(FlowLogIds=made)


def test_what_is_refused_fails_and_is_mended(home: Account) -> None:
    """A role without policies: `Access error`; with them, delivery goes on. What came meanwhile is lost."""
    iam = home.client("iam")
    iam.delete_role_policy(RoleName=home.role.rpartition("/")[2], PolicyName="deliver")
    made = flow_log(home, "refused", LogGroupName="refused")
    played(home, WorldSettings(records=1000, incidents=()))
    (described,) = home.described(FlowLogIds=[made])
    assert described["DeliverLogsStatus"] == "FAILED"
    assert described["DeliverLogsErrorMessage"] == "Access error"
    told = shown(home, made)
    assert "does not allow logs:CreateLogGroup" in told["reason"]
    assert told["lost"] > 0
    assert told["lines"] == 0
    home.ec2.delete_flow_logs(FlowLogIds=[made])


async def test_a_group_changed_by_the_api_changes_the_next_minutes_verdicts(home: Account) -> None:
    """Who was let in goes on trying, and is rejected."""
    role_again(home)
    made = flow_log(home, "changed", LogGroupName="changed")
    groups = home.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])
    (web,) = groups["SecurityGroups"]
    members = home.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [web["GroupId"]]}])
    enis = {one["NetworkInterfaceId"] for one in members["NetworkInterfaces"]}
    await RemoteWorld(home.url).play(WorldSettings(speed=120.0, incidents=()))

    def web_traffic(action: str) -> list[str]:
        lines = [event["message"].split(" ") for _, event in log_lines(home, "changed")]
        of_web = [p for p in lines if p[2] in enis and p[6] in ("80", "443") and p[7] == "6"]  # no UDP noise
        return [" ".join(p) for p in of_web if p[12] == action]

    assert soon(lambda: has_group(home, "changed") and web_traffic("ACCEPT"))
    assert not web_traffic("REJECT")
    home.ec2.revoke_security_group_ingress(GroupId=web["GroupId"], IpPermissions=web["IpPermissions"])
    assert soon(lambda: web_traffic("REJECT"))
    home.ec2.delete_flow_logs(FlowLogIds=[made])


def has_group(account: Account, name: str) -> bool:
    """Say whether a log group is there; it comes with the first traffic."""
    return bool(account.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"])


def role_again(account: Account) -> None:
    """Give the role back what it needs."""
    allowed = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    document = orjson.dumps({"Version": "2012-10-17", "Statement": [allowed]}).decode()
    name = account.role.rpartition("/")[2]
    account.client("iam").put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=document)
