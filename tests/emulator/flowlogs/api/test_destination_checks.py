"""Buckets and delivery streams that take flow logs, and those that do not: seen by who creates a flow log."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.flowlogs.account import Account, refusal

pytestmark = pytest.mark.moto

SERVICE = "delivery.logs.amazonaws.com"


def statement(effect: str, action: str, resource: str, **more: Any) -> dict[str, Any]:
    principal = {"Service": SERVICE}
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def lets_in(bucket: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            statement("Allow", "s3:PutObject", f"{arn}/*"),
            statement("Allow", "s3:GetBucketAcl", arn),
        ],
    }


def delivery_stream(account: Account, name: str, **more: Any) -> None:
    to = {"RoleARN": account.role, "BucketARN": "arn:aws:s3:::lake"}
    account.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=to, **more
    )


def test_a_bucket_that_is_missing_is_said_for_each_resource(account: Account) -> None:
    parameters = account.to_bucket("nobodys", ResourceType="Subnet", ResourceIds=account.subnets[:2])
    answer = account.ec2.create_flow_logs(**parameters)
    assert answer["FlowLogIds"] == []
    assert answer["Unsuccessful"] == [
        {
            "ResourceId": subnet,
            "Error": {"Code": "400", "Message": "LogDestination: nobodys does not exist"},
        }
        for subnet in account.subnets[:2]
    ]
    assert account.described() == []


def test_a_bucket_of_ones_own_gets_the_policy_that_it_needs(account: Account) -> None:
    bucket = account.bucket("policy-attached")
    account.create(**account.to_bucket(bucket))
    write, check = account.policy(bucket)["Statement"]
    number = account.number
    source = {"aws:SourceArn": f"arn:aws:logs:eu-west-1:{number}:*"}
    assert write == {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::policy-attached/AWSLogs/{number}/*",
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": number,
                "s3:x-amz-acl": "bucket-owner-full-control",
            },
            "ArnLike": source,
        },
    }
    assert check["Sid"] == "AWSLogDeliveryAclCheck"
    assert (check["Action"], check["Resource"]) == ("s3:GetBucketAcl", "arn:aws:s3:::policy-attached")
    assert check["Condition"] == {"StringEquals": {"aws:SourceAccount": number}, "ArnLike": source}


def test_statements_that_are_there_stay(account: Account) -> None:
    theirs = {**statement("Allow", "s3:GetObject", "arn:aws:s3:::policy-kept/*"), "Sid": "Theirs"}
    bucket = account.bucket("policy-kept", {"Version": "2012-10-17", "Statement": theirs})
    account.create(**account.to_bucket(bucket))
    account.create(**account.to_bucket(f"{bucket}/folder"))
    found = account.policy(bucket)["Statement"]
    assert [one["Sid"] for one in found] == ["Theirs", "AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck"]
    assert found[1]["Resource"] == [
        f"arn:aws:s3:::policy-kept/AWSLogs/{account.number}/*",
        f"arn:aws:s3:::policy-kept/folder/AWSLogs/{account.number}/*",
    ]


def test_a_policy_that_allows_already_is_left_alone(account: Account) -> None:
    bucket = account.bucket("policy-suffices", lets_in("policy-suffices"))
    account.create(**account.to_bucket(bucket))
    assert account.policy(bucket) == lets_in("policy-suffices")


def test_a_dry_run_attaches_no_policy(account: Account) -> None:
    bucket = account.bucket("policy-dry")
    refusal(account.ec2.create_flow_logs, **account.to_bucket(bucket, DryRun=True))
    assert refusal(account.client("s3").get_bucket_policy, Bucket=bucket)[0] == "NoSuchBucketPolicy"


def test_a_policy_of_ones_own_that_denies_is_obeyed(account: Account) -> None:
    deny = statement("Deny", "s3:Put*", "arn:aws:s3:::policy-denies/*")
    bucket = account.bucket("policy-denies", {"Version": "2012-10-17", "Statement": [deny]})
    assert account.unsuccessful(**account.to_bucket(bucket)) == (
        "Access Denied for LogDestination: policy-denies. Please check LogDestination permission"
    )


def test_a_bucket_of_another_account_must_let_the_service_in(account: Account, other: Account) -> None:
    closed, opened = other.bucket("theirs-closed"), other.bucket("theirs-open", lets_in("theirs-open"))
    assert account.unsuccessful(**account.to_bucket(closed)) == (
        "Access Denied for LogDestination: theirs-closed. Please check LogDestination permission"
    )
    assert account.create(**account.to_bucket(opened))


def test_a_policy_grows_no_longer_than_s3_allows(account: Account) -> None:
    reader = statement("Allow", "s3:GetObject", "arn:aws:s3:::policy-full/" + "k" * 20_000)
    bucket = account.bucket("policy-full", {"Version": "2012-10-17", "Statement": [reader]})
    code, _ = refusal(account.ec2.create_flow_logs, **account.to_bucket(bucket))
    assert code == "LogDestinationPermissionIssueException"


def test_a_delivery_stream_that_is_there_is_tagged_for_log_delivery(account: Account) -> None:
    delivery_stream(account, "flows")
    account.create(**account.to_firehose("flows"))
    tags = account.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName="flows")["Tags"]
    assert tags == [{"Key": "LogDeliveryEnabled", "Value": "true"}]
    assert account.described()[0]["LogDestinationType"] == "kinesis-data-firehose"


def test_a_delivery_stream_that_is_missing_is_said(account: Account) -> None:
    assert account.unsuccessful(**account.to_firehose("none")) == "LogDestination: none does not exist"


def test_a_delivery_stream_that_reads_a_kinesis_stream_takes_no_flow_logs(account: Account) -> None:
    account.client("kinesis").create_stream(StreamName="source", ShardCount=1)
    arn = f"arn:aws:kinesis:eu-west-1:{account.number}:stream/source"
    source = {"KinesisStreamARN": arn, "RoleARN": account.role}
    delivery_stream(
        account,
        "reads",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration=source,
    )
    assert account.unsuccessful(**account.to_firehose("reads")) == "LogDestination: reads is undeliverable"
