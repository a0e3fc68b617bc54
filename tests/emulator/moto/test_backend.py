"""The services behind the emulator's port, as boto3, localstack-client and unsigned callers meet them."""

from __future__ import annotations

import asyncio
import gzip
import io
import time

import aiohttp
import pytest
from botocore.exceptions import ClientError
from localstack_client import session as localstack

from emulator.http.messages import Incoming, Service
from tests.emulator.aws import Aws, call, calling

pytestmark = pytest.mark.moto


async def test_every_service_makes_a_round_trip_at_one_port(moto: Service) -> None:
    async with calling(moto) as aws:
        await asyncio.to_thread(_ec2, aws)
        await asyncio.to_thread(_s3, aws)
        await asyncio.to_thread(_queues_and_topics, aws)
        await asyncio.to_thread(_logs_and_metrics, aws)
        await asyncio.to_thread(_dynamodb, aws)
        await asyncio.to_thread(_identity_and_keys, aws)
        await asyncio.to_thread(_cloudformation, aws)
        await asyncio.to_thread(_elbv2_events_and_rds, aws)


def _ec2(aws: Aws) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == "10.1.0.0/16"


def _s3(aws: Aws) -> None:
    s3 = aws.client("s3", "us-east-1")
    s3.create_bucket(Bucket="things")
    body = gzip.compress(b"a line\n" * 100)
    s3.put_object(Bucket="things", Key="a b/ü+1.gz", Body=body, ContentEncoding="gzip", Metadata={"k": "v"})
    got = s3.get_object(Bucket="things", Key="a b/ü+1.gz")
    assert (got["Body"].read(), got["ContentEncoding"], got["Metadata"]) == (body, "gzip", {"k": "v"})
    assert s3.head_object(Bucket="things", Key="a b/ü+1.gz")["ContentLength"] == len(body)
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="things")["Contents"]] == ["a b/ü+1.gz"]
    s3.upload_fileobj(io.BytesIO(bytes(20 << 20)), "things", "large")  # in parts, with trailing checksums
    assert s3.head_object(Bucket="things", Key="large")["ContentLength"] == 20 << 20


def _queues_and_topics(aws: Aws) -> None:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert queue.startswith(aws.url)
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="hello")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"


def _logs_and_metrics(aws: Aws) -> None:
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "m"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    assert logs.filter_log_events(logGroupName="g")["events"][0]["message"] == "m"
    data = [{"MetricName": f"m{number:03}", "Value": 1.0} for number in range(900)]  # boto3 sends it gzipped
    cloudwatch.put_metric_data(Namespace="n", MetricData=data)
    assert cloudwatch.list_metrics(Namespace="n")["Metrics"]


def _dynamodb(aws: Aws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="leases",
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"leaseKey": {"S": "shardId-0"}, "leaseCounter": {"N": "1"}}
    once = "attribute_not_exists(leaseKey)"
    dynamodb.put_item(TableName="leases", Item=item, ConditionExpression=once)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(TableName="leases", Item=item, ConditionExpression=once)
    assert dynamodb.scan(TableName="leases")["Items"] == [item]


def _identity_and_keys(aws: Aws) -> None:
    iam, kms = aws.client("iam"), aws.client("kms")
    assert iam.create_user(UserName="u")["User"]["Arn"] == "arn:aws:iam::000000000000:user/u"
    assert aws.client("sts").get_caller_identity()["Account"] == "000000000000"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def _cloudformation(aws: Aws) -> None:
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "made"}}}}'
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=template)
    assert cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert aws.client("sqs").get_queue_url(QueueName="made")["QueueUrl"].endswith("/made")


def _elbv2_events_and_rds(aws: Aws) -> None:
    assert aws.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    aws.client("events").put_rule(Name="r", ScheduleExpression="rate(1 minute)")
    assert [rule["Name"] for rule in aws.client("events").list_rules()["Rules"]] == ["r"]
    assert aws.client("rds").describe_db_instances()["DBInstances"] == []


async def test_accounts_and_regions_are_kept_apart(moto: Service) -> None:
    async with calling(moto) as aws:
        here, there = aws.client("sqs", "eu-west-1"), aws.client("sqs", "eu-north-1")
        other = aws.client("sqs", "eu-west-1", "111111111111")
        await call(here.create_queue, QueueName="q")
        assert "QueueUrls" not in await call(there.list_queues)
        assert "QueueUrls" not in await call(other.list_queues)
        sts = aws.client("sts", key="111111111111")
        assert (await call(sts.get_caller_identity))["Account"] == "111111111111"
        role = await call(
            sts.assume_role, RoleArn="arn:aws:iam::222222222222:role/r", RoleSessionName="session"
        )
        assumed = aws.client("sts", key=role["Credentials"]["AccessKeyId"])
        assert (await call(assumed.get_caller_identity))["Account"] == "222222222222"


async def test_a_bucket_may_be_in_the_host_and_a_request_presigned_or_not_signed_at_all(
    moto: Service,
) -> None:
    async with calling(moto) as aws:
        s3 = aws.client("s3", "us-east-1")
        await call(s3.create_bucket, Bucket="things", ACL="public-read")
        await call(s3.put_object, Bucket="things", Key="k", Body=b"body", ACL="public-read")
        signed = s3.generate_presigned_url("get_object", {"Bucket": "things", "Key": "k"})
        put = s3.generate_presigned_url("put_object", {"Bucket": "things", "Key": "p"})
        identity = aws.client("sts", key="111111111111").generate_presigned_url("get_caller_identity")
        async with aiohttp.ClientSession() as http:
            for url, host in [
                (f"{aws.url}/k", "things.s3.localhost.localstack.cloud:4566"),
                (f"{aws.url}/k", "things.s3.eu-west-1.localhost.localstack.cloud"),
                (f"{aws.url}/k", "things.s3.127.0.0.1.nip.io"),
                (f"{aws.url}/k", "things.localhost:4566"),
                (f"{aws.url}/things/k", "localhost:4566"),
                (signed, "127.0.0.1"),
            ]:
                async with http.get(url, headers={"Host": host}) as response:
                    assert (response.status, await response.read()) == (200, b"body"), host
            async with http.put(put, data=b"presigned") as response:
                assert response.status == 200
            async with http.get(identity) as response:
                assert "<Account>111111111111</Account>" in await response.text()
        assert (await call(s3.get_object, Bucket="things", Key="p"))["Body"].read() == b"presigned"


async def test_an_unsigned_call_is_known_by_its_target_or_its_version(moto: Service) -> None:
    async with calling(moto) as aws, aiohttp.ClientSession() as http:
        target = {
            "X-Amz-Target": "DynamoDB_20120810.ListTables",
            "Content-Type": "application/x-amz-json-1.0",
        }
        async with http.post(aws.url, headers=target, data=b"{}") as response:
            assert await response.json(content_type=None) == {"TableNames": []}
        async with http.post(aws.url, data={"Action": "DescribeVpcs", "Version": "2016-11-15"}) as response:
            assert "<DescribeVpcsResponse" in await response.text()


async def test_localstack_client_finds_every_service_there(
    moto: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with calling(moto) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        queues = localstack.Session().client("sqs")
        try:
            assert "/q" in (await call(queues.create_queue, QueueName="q"))["QueueUrl"]
        finally:
            queues.close()


async def test_nonsense_is_answered_and_never_raises(moto: Service) -> None:
    for target in [
        "/%zz?%",
        "/\x80\xff",
        "*",
        "",
        "http://h/b/k",
        "/" + "a/" * 2000,
        "/?Action=%00",
        "/\\..//",
    ]:
        for headers in [
            {"host": "..", "content-length": "7"},
            {
                "host": "\u00fc.localhost",
                "x-amz-target": "AmazonSQS.\x00",
                "content-type": "application/json",
            },
            {"authorization": "AWS4-HMAC-SHA256 Credential=////", "content-encoding": "gzip"},
            {"authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/r/nothing/aws4_request"},
            {"x-amz-meta-k": "a\r\nb: c"},
        ]:
            for method in ["GET", "POST", "QUUX"]:
                outgoing = await moto(Incoming(method, target, headers, b"\xff{\x00"))
                assert 200 <= outgoing.status < 600
