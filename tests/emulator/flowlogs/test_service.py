"""The service without a port: what its listeners hear, what is kept, and what is said when others fail."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import orjson
import pytest
from structlog.testing import capture_logs

from emulator.flowlogs.service import FlowLogService
from emulator.flowlogs.service_client import content
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.call import Call
from emulator.kinesis.operations.create_stream import create_stream
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

SCOPE = Scope("111111111111", "eu-west-1")
ARN = SCOPE.stream_arn("s")


def clock() -> int:
    return time.time_ns() // 1_000_000


def signed(service: str) -> str:
    scope = f"{SCOPE.account}/20260101/{SCOPE.region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def ec2(action: str, **parameters: str) -> Incoming:
    headers = {"authorization": signed("ec2"), "content-type": "application/x-www-form-urlencoded"}
    form = {"Action": action, "Version": "2016-11-15", **parameters}
    return Incoming("POST", "/", headers, urlencode(form).encode())


def logs(operation: str, **request: object) -> Incoming:
    headers = {"authorization": signed("logs"), "x-amz-target": f"Logs_20140328.{operation}"}
    return Incoming("POST", "/", headers, orjson.dumps(request))


def put(log_stream: str, events: int) -> Incoming:
    event = {"timestamp": clock(), "message": "m"}
    return logs("PutLogEvents", logGroupName="g", logStreamName=log_stream, logEvents=[event] * events)


async def no_firehose(_: Incoming) -> Outgoing:
    return Outgoing(503, {}, b"{}")


def serving(others: Service) -> tuple[FlowLogService, Store]:
    store = Store(StoreLimits(transition_ms=0))
    return FlowLogService(others, no_firehose, store, clock), store


@pytest.fixture
async def service(moto: Service) -> FlowLogService:
    """A service before a moto in which one log group has two log streams, and a Kinesis stream for it."""
    made, store = serving(moto)
    create_stream(Call(store, SCOPE, {"StreamName": "s", "ShardCount": 1}, clock()))
    for request in (
        logs("CreateLogGroup", logGroupName="g"),
        logs("CreateLogStream", logGroupName="g", logStreamName="a"),
        logs("CreateLogStream", logGroupName="g", logStreamName="b"),
    ):
        assert (await made.logs(request)).status == 200
    return made


async def kept(service: FlowLogService) -> int:
    answer = await service.logs(logs("FilterLogEvents", logGroupName="g"))
    return len(orjson.loads(content(answer))["events"])


async def subscribe(service: FlowLogService) -> None:
    answer = await service.logs(
        logs(
            "PutSubscriptionFilter",
            logGroupName="g",
            filterName="f",
            filterPattern="",
            destinationArn=ARN,
            roleArn="arn:aws:iam::111111111111:role/r",
        )
    )
    assert answer.status == 200


@pytest.mark.moto
async def test_the_revision_grows_with_each_call_that_may_change_the_estate(moto: Service) -> None:
    service, _ = serving(moto)
    heard: list[int] = []
    service.listeners.append(lambda: heard.append(service.revision))
    await service.ec2(ec2("DescribeVpcs"))
    await service.ec2(ec2("DescribeFlowLogs"))
    await service.ec2(ec2("DeleteVpc", VpcId="vpc-0123456789abcdef0"))  # refused
    assert (service.revision, heard) == (0, [])
    answer = await service.ec2(ec2("CreateVpc", CidrBlock="10.0.0.0/16"))
    vpc = content(answer).decode().partition("<vpcId>")[2].partition("<")[0]
    parameters = {
        "ResourceType": "VPC",
        "ResourceId.1": vpc,
        "TrafficType": "ALL",
        "LogGroupName": "g",
        "DeliverLogsPermissionArn": "arn:aws:iam::111111111111:role/r",
    }
    assert (await service.ec2(ec2("CreateFlowLogs", **parameters))).status == 200
    (flow_log,) = service.flow_logs
    assert (await service.ec2(ec2("DeleteFlowLogs", **{"FlowLogId.1": flow_log.flow_log_id}))).status == 200
    assert (list(service.flow_logs), heard) == ([], [1, 2, 3])


@pytest.mark.moto
async def test_events_that_are_not_kept_are_carried_on_all_the_same(service: FlowLogService) -> None:
    await subscribe(service)
    service.subscriptions.keeps_events = False
    answer = await service.logs(put("a", 3))
    assert (answer.status, len(orjson.loads(content(answer))["nextSequenceToken"])) == (200, 56)
    assert await kept(service) == 0
    service.subscriptions.keeps_events = True
    await service.logs(put("a", 2))
    assert await kept(service) == 2
    (shown,) = service.subscriptions.summary()
    assert (shown["filterName"], shown["events"], shown["lost"], shown["failure"]) == ("f", 5, 0, "")


@pytest.mark.moto
async def test_events_of_a_group_without_a_filter_are_always_kept(service: FlowLogService) -> None:
    service.subscriptions.keeps_events = False
    await service.logs(put("a", 3))
    assert await kept(service) == 3


@pytest.mark.moto
async def test_beyond_the_bound_the_fullest_log_stream_is_emptied_and_it_is_said(
    service: FlowLogService,
) -> None:
    service.subscriptions.kept.most = 10
    await service.logs(put("a", 3))
    with capture_logs() as said:
        await service.logs(put("b", 7))
        assert (said, await kept(service)) == ([], 10)
        await service.logs(put("b", 1))
    (line,) = said
    assert (line["log_level"], line["logStreamName"], line["events_kept"]) == ("warning", "b", 11)
    assert (await kept(service), service.subscriptions.kept.total) == (3, 3)
    assert (await service.logs(put("b", 1))).status == 200


async def test_without_moto_each_service_says_so_in_its_own_way() -> None:
    async def not_installed(request: Incoming) -> Outgoing:
        is_s3 = b"s3" in request.headers["authorization"].encode()
        if "x-amz-target" in request.headers:
            return Outgoing(501, {}, b'{"__type":"NotImplemented","message":"install moto"}')
        error = b"<Error><Code>NotImplemented</Code><Message>install moto</Message></Error>"
        return Outgoing(501, {}, error if is_s3 else b"<Response><Errors>" + error + b"</Errors></Response>")

    service, _ = serving(not_installed)
    parameters = {"ResourceType": "VPC", "ResourceId.1": "vpc-1", "TrafficType": "ALL"}
    to = {"LogGroupName": "g", "DeliverLogsPermissionArn": "arn:aws:iam::111111111111:role/r"}
    answer = await service.ec2(ec2("CreateFlowLogs", **parameters, **to))
    assert (answer.status, b"install moto" in content(answer)) == (501, True)
    answer = await service.logs(logs("DescribeSubscriptionFilters", logGroupName="g"))
    assert (answer.status, b"install moto" in content(answer)) == (501, True)


async def test_what_nobody_foresaw_is_an_internal_error_and_is_logged() -> None:
    async def broken(_: Incoming) -> Outgoing:
        raise ZeroDivisionError

    service, _ = serving(broken)
    parameters = {"ResourceType": "VPC", "ResourceId.1": "vpc-1", "TrafficType": "ALL"}
    to = {"LogGroupName": "g", "DeliverLogsPermissionArn": "arn:aws:iam::111111111111:role/r"}
    with capture_logs() as said:
        answer = await service.ec2(ec2("CreateFlowLogs", **parameters, **to))
        assert (answer.status, b"<Code>InternalError</Code>" in content(answer)) == (500, True)
        answer = await service.logs(logs("DescribeSubscriptionFilters", logGroupName="g"))
        assert (answer.status, orjson.loads(content(answer))["__type"]) == (500, "InternalFailure")
    assert [one["event"] for one in said] == ["ec2 call failed", "cloudwatch logs call failed"]
