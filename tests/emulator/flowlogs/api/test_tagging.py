"""Tags of flow logs, changed and read by EC2's calls on tags, which know resources of all kinds."""

from __future__ import annotations

import pytest

from tests.emulator.flowlogs.account import Account, refusal

pytestmark = pytest.mark.moto


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"Key": key, "Value": value}


def tags_of(account: Account) -> list[dict[str, str]]:
    found: list[dict[str, str]] = account.described()[0]["Tags"]
    return found


def test_tags_are_added_changed_and_removed(account: Account) -> None:
    flow_log_id = account.create(**account.settings())
    ec2 = account.ec2
    ec2.create_tags(Resources=[flow_log_id], Tags=[tag("a", "1"), tag("b", "<&>")])
    ec2.create_tags(Resources=[flow_log_id], Tags=[tag("a", "2"), tag("c")])
    assert tags_of(account) == [tag("a", "2"), tag("b", "<&>"), tag("c")]
    ec2.delete_tags(Resources=[flow_log_id], Tags=[tag("a", "1"), {"Key": "b"}])
    assert tags_of(account) == [tag("a", "2"), tag("c")]
    ec2.delete_tags(Resources=[flow_log_id])
    assert tags_of(account) == []


def test_one_call_may_tag_a_flow_log_and_others(account: Account) -> None:
    flow_log_id = account.create(**account.settings())
    account.ec2.create_tags(Resources=[flow_log_id, account.vpc], Tags=[tag("k", "v")])
    assert account.ec2.describe_vpcs(VpcIds=[account.vpc])["Vpcs"][0]["Tags"] == [tag("k", "v")]
    listed = account.ec2.describe_tags()["Tags"]
    assert listed == [
        {"ResourceId": account.vpc, "ResourceType": "vpc", "Key": "k", "Value": "v"},
        {"ResourceId": flow_log_id, "ResourceType": "vpc-flow-log", "Key": "k", "Value": "v"},
    ]
    chosen = {"Filters": [{"Name": "resource-type", "Values": ["vpc-flow-log"]}]}
    assert account.ec2.describe_tags(**chosen)["Tags"] == listed[1:]
    chosen = {"Filters": [{"Name": "resource-id", "Values": [account.vpc]}]}
    assert account.ec2.describe_tags(**chosen)["Tags"] == listed[:1]


def test_what_is_refused_for_others_changes_no_flow_log(account: Account) -> None:
    flow_log_id = account.create(**account.settings())
    resources = [flow_log_id, "vpc-0123456789abcdef0"]
    assert refusal(account.ec2.create_tags, Resources=resources, Tags=[tag("k")])[0] != "DryRunOperation"
    assert tags_of(account) == []


def test_what_ec2_refuses_is_refused(account: Account) -> None:
    flow_log_id = account.create(**account.settings())
    create = account.ec2.create_tags
    assert (
        refusal(create, Resources=["fl-0123456789abcdef0"], Tags=[tag("k")])[0] == "InvalidFlowLogId.NotFound"
    )
    assert refusal(create, Resources=[flow_log_id], Tags=[tag("k" * 128)])[0] == "InvalidParameterValue"
    assert refusal(create, Resources=[flow_log_id], Tags=[tag("k")], DryRun=True)[0] == "DryRunOperation"
    assert refusal(create, Resources=[flow_log_id], Tags=[])[0] == "MissingParameter"
    many = [tag(str(number)) for number in range(50)]
    create(Resources=[flow_log_id], Tags=many)
    assert refusal(create, Resources=[flow_log_id], Tags=[tag("one more")])[0] == "TagLimitExceeded"
    assert tags_of(account) == many
