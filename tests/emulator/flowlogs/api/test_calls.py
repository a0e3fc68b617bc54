"""Flow logs over the port, as boto3 creates, describes and deletes them."""

from __future__ import annotations

import re
import urllib.request

import pytest

from tests.emulator.flowlogs.account import Account, refusal

pytestmark = pytest.mark.moto

DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)


def test_a_flow_log_to_cloudwatch_logs_is_described_with_every_field(account: Account) -> None:
    tags = [{"Key": "team", "Value": "net"}, {"Key": "empty", "Value": ""}]
    answer = account.ec2.create_flow_logs(
        **account.settings(TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": tags}]),
    )
    (flow_log_id,) = answer["FlowLogIds"]
    assert re.fullmatch(r"fl-[0-9a-f]{17}", flow_log_id)
    assert answer["ClientToken"]
    (found,) = account.described()
    assert found.pop("CreationTime").microsecond % 1000 == 0
    assert found == {
        "DeliverLogsPermissionArn": account.role,
        "DeliverLogsStatus": "SUCCESS",
        "FlowLogId": flow_log_id,
        "FlowLogStatus": "ACTIVE",
        "LogDestinationType": "cloud-watch-logs",
        "LogFormat": DEFAULT_FORMAT,
        "LogGroupName": "flows",
        "MaxAggregationInterval": 600,
        "ResourceId": account.vpc,
        "Tags": tags,
        "TagFieldSpecifications": [],
        "TrafficType": "ALL",
    }


def test_a_flow_log_to_s3_is_described_with_its_options(account: Account) -> None:
    bucket = account.bucket("described-options")
    options = {"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": True}
    fields = [{"ResourceType": "instance", "TagKeys": ["Name", "env"]}]
    account.create(
        **account.to_bucket(
            f"{bucket}/folder/",
            DestinationOptions=options,
            LogFormat="${version} ${vpc-id} ${instance-tag}",
            MaxAggregationInterval=60,
            TagFieldSpecifications=fields,
        )
    )
    (found,) = account.described()
    assert found["DestinationOptions"] == options
    assert found["TagFieldSpecifications"] == fields
    assert (found["LogFormat"], found["MaxAggregationInterval"]) == (
        "${version} ${vpc-id} ${instance-tag}",
        60,
    )
    assert found["LogDestination"] == "arn:aws:s3:::described-options/folder/"


def test_options_for_s3_are_the_defaults_when_none_are_given(account: Account) -> None:
    account.create(**account.to_bucket(account.bucket("default-options")))
    (found,) = account.described()
    assert found["DestinationOptions"] == {
        "FileFormat": "plain-text",
        "HiveCompatiblePartitions": False,
        "PerHourPartition": False,
    }


def test_one_call_makes_a_flow_log_for_each_resource(account: Account) -> None:
    subnets = account.subnets[:2]
    answer = account.ec2.create_flow_logs(**account.settings(ResourceType="Subnet", ResourceIds=subnets))
    found = account.described(FlowLogIds=answer["FlowLogIds"])
    assert sorted(one["ResourceId"] for one in found) == sorted(subnets)


def test_network_interfaces_can_be_logged(account: Account) -> None:
    interface = account.ec2.create_network_interface(SubnetId=account.subnets[0])["NetworkInterface"]
    interface_id = interface["NetworkInterfaceId"]
    account.create(**account.settings(ResourceType="NetworkInterface", ResourceIds=[interface_id]))
    assert account.described()[0]["ResourceId"] == interface_id


def test_a_log_group_may_be_given_by_its_arn(account: Account) -> None:
    arn = f"arn:aws:logs:eu-west-1:{account.number}:log-group:flows"
    account.create(**account.settings(LogGroupName=None, LogDestination=arn))
    (found,) = account.described()
    assert (found["LogGroupName"], found["LogDestination"]) == ("flows", arn)


def test_a_flow_log_without_its_log_group_is_created(account: Account) -> None:
    assert account.create(**account.settings(LogGroupName="nowhere"))


def test_accounts_and_regions_do_not_see_each_others_flow_logs(account: Account, other: Account) -> None:
    flow_log_id = account.create(**account.settings())
    assert other.described() == []
    assert refusal(other.ec2.delete_flow_logs, FlowLogIds=[flow_log_id])[0] == "InvalidFlowLogId.NotFound"


def test_a_second_flow_log_like_one_that_is_there_is_refused(account: Account) -> None:
    account.create(**account.settings())
    assert refusal(account.ec2.create_flow_logs, **account.settings()) == (
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    )
    account.create(**account.settings(TrafficType="REJECT"))
    account.create(**account.settings(LogGroupName="elsewhere"))
    assert len(account.described()) == 3


def test_a_call_that_is_refused_for_one_resource_makes_none(account: Account) -> None:
    parameters = account.settings(ResourceIds=[account.vpc, "vpc-0123456789abcdef0"])
    assert refusal(account.ec2.create_flow_logs, **parameters) == (
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-0123456789abcdef0' does not exist",
    )
    assert account.described() == []


def test_a_resource_has_250_flow_logs_at_most(account: Account) -> None:
    for number in range(250):
        account.create(**account.settings(LogGroupName=f"group-{number}"))
    code, _ = refusal(account.ec2.create_flow_logs, **account.settings())
    assert code == "FlowLogsLimitExceeded"


def test_a_client_token_makes_a_request_count_once(account: Account) -> None:
    first = account.ec2.create_flow_logs(**account.settings(ClientToken="once"))
    again = account.ec2.create_flow_logs(**account.settings(ClientToken="once"))
    assert (again["FlowLogIds"], again["ClientToken"]) == (first["FlowLogIds"], "once")
    assert len(account.described()) == 1
    code, _ = refusal(
        account.ec2.create_flow_logs, **account.settings(ClientToken="once", TrafficType="ACCEPT")
    )
    assert code == "IdempotentParameterMismatch"


def test_a_dry_run_makes_nothing(account: Account) -> None:
    expected = ("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    assert refusal(account.ec2.create_flow_logs, **account.settings(DryRun=True)) == expected
    flow_log_id = account.create(**account.settings())
    assert refusal(account.ec2.delete_flow_logs, FlowLogIds=[flow_log_id], DryRun=True) == expected
    assert refusal(account.ec2.describe_flow_logs, DryRun=True) == expected
    assert len(account.described()) == 1


def test_deleted_flow_logs_are_gone(account: Account) -> None:
    ids = [account.create(**account.settings(LogGroupName=name)) for name in "abc"]
    assert account.ec2.delete_flow_logs(FlowLogIds=ids[:2])["Unsuccessful"] == []
    assert [one["FlowLogId"] for one in account.described()] == ids[2:]


def test_unknown_flow_logs_are_neither_described_nor_deleted(account: Account) -> None:
    known = account.create(**account.settings())
    unknown = "fl-0123456789abcdef0"
    expected = (
        "InvalidFlowLogId.NotFound",
        f"These flow log ids in the input list are not found: [TotalCount: 1] {unknown}",
    )
    assert refusal(account.ec2.describe_flow_logs, FlowLogIds=[known, unknown]) == expected
    assert refusal(account.ec2.delete_flow_logs, FlowLogIds=[known, unknown]) == expected
    assert len(account.described()) == 1


def test_filters_choose_and_are_combined(account: Account) -> None:
    tags = [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "net"}]}]
    group = account.create(**account.settings(TagSpecifications=tags))
    rejects = account.create(**account.settings(LogGroupName="rejects", TrafficType="REJECT"))
    bucket = account.create(**account.to_bucket(account.bucket("filtered-by-type")))

    def found(**filters: list[str]) -> list[str]:
        asked = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
        return [one["FlowLogId"] for one in account.described(Filters=asked)]

    assert found(log_destination_type=["s3"]) == [bucket]
    assert found(log_group_name=["flows", "rejects"]) == [group, rejects]
    assert found(log_group_name=["*s"], traffic_type=["REJECT"]) == [rejects]
    assert found(resource_id=[account.vpc]) == [group, rejects, bucket]
    assert found(flow_log_id=[bucket]) == [bucket]
    assert found(deliver_log_status=["FAILED"]) == []
    assert found(deliver_log_status=["SUCCESS"], tag_key=["team"]) == [group]
    assert found(**{"tag:team": ["n?t"]}) == [group]
    assert found(**{"tag:team": ["other"]}) == []
    assert refusal(account.ec2.describe_flow_logs, Filters=[{"Name": "colour", "Values": ["red"]}]) == (
        "InvalidParameterValue",
        "The filter 'colour' is invalid",
    )


def test_pages_show_each_flow_log_once_though_some_are_deleted_meanwhile(account: Account) -> None:
    ids = [account.create(**account.settings(LogGroupName=f"group-{number}")) for number in range(5)]
    first = account.ec2.describe_flow_logs(MaxResults=2)
    account.ec2.delete_flow_logs(FlowLogIds=[ids[1]])
    second = account.ec2.describe_flow_logs(MaxResults=1, NextToken=first["NextToken"])
    third = account.ec2.describe_flow_logs(MaxResults=2, NextToken=second["NextToken"])
    pages = [[one["FlowLogId"] for one in page["FlowLogs"]] for page in (first, second, third)]
    assert pages == [ids[:2], ids[2:3], ids[3:]]
    assert "NextToken" not in third
    assert refusal(account.ec2.describe_flow_logs, NextToken="?")[0] == "InvalidPaginationToken"
    assert refusal(account.ec2.describe_flow_logs, MaxResults=0)[0] == "InvalidParameterValue"


def test_an_unsigned_call_is_known_by_the_version_of_its_api(account: Account) -> None:
    body = b"Action=DescribeFlowLogs&Version=2016-11-15"
    request = urllib.request.Request(account.url, body, {"Content-Type": "application/x-www-form-urlencoded"})
    with urllib.request.urlopen(request) as response:
        assert b"<flowLogSet></flowLogSet>" in response.read()
    with urllib.request.urlopen(f"{account.url}/?Action=DescribeFlowLogs&Version=2016-11-15") as response:
        assert b"<flowLogSet></flowLogSet>" in response.read()


def test_all_other_calls_of_ec2_are_motos(account: Account) -> None:
    made = account.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    assert account.ec2.describe_vpcs(VpcIds=[made])["Vpcs"][0]["CidrBlock"] == "10.9.0.0/16"
    assert refusal(account.ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])[0] == "InvalidVpcID.NotFound"
