"""The client of the flow-log service for moto (EC2, S3, CloudWatch Logs) and for the emulator's Firehose.

Calls use the account and Region of the original caller: the access key is the account number, by which moto
separates accounts. If a service gives no usable answer, for example because moto is not installed, the call
raises `ServiceError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import orjson

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.protocol.wire import CONTENT_TYPE
from emulator.scope import Scope

LOGS, FIREHOSE = "Logs_20140328", "Firehose_20150804"  # target prefixes
EC2_VERSION = "2016-11-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"

# The call that lists resources of a type, its filter, and the element that has the id.
_LISTED = {
    "VPC": ("DescribeVpcs", "vpc-id", "vpcId"),
    "Subnet": ("DescribeSubnets", "subnet-id", "subnetId"),
    "NetworkInterface": ("DescribeNetworkInterfaces", "network-interface-id", "networkInterfaceId"),
}
_BUCKET_NAME = re.compile(rb"<Name>([^<]*)</Name>")


class ServiceError(Exception):
    """A service gave no usable answer. The message names the call; `answer` is the response."""

    def __init__(self, asked: str, answer: Outgoing) -> None:
        super().__init__(f"{asked}: {answer.status} {content(answer)[:500].decode(errors='replace')}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and its policy, which may be empty. `is_own` is true if the account owns the bucket."""

    is_own: bool
    policy: Mapping[str, Any]


class ServiceClient:
    """The client. `others` is moto, which has EC2, S3 and CloudWatch Logs."""

    def __init__(self, others: Service, firehose: Service) -> None:
        self._others, self._firehose = others, firehose

    async def ec2(self, scope: Scope, form: Mapping[str, str]) -> Outgoing:
        """Call EC2."""
        headers = {**signed(scope, "ec2"), "content-type": FORM}
        body = urlencode({**form, "Version": EC2_VERSION}).encode()
        return await self._others(Incoming("POST", "/", headers, body))

    async def existing(self, scope: Scope, resource_type: str, ids: Sequence[str]) -> set[str]:
        """Return the ids that exist. Raises `ServiceError`."""
        action, named, element = _LISTED[resource_type]
        values = {f"Filter.1.Value.{number}": one for number, one in enumerate(ids, 1)}
        answer = await self.ec2(scope, {"Action": action, "Filter.1.Name": named, **values})
        found = re.findall(f"<{element}>([^<]+)</{element}>", _expected(action, answer).decode())
        return set(ids) & set(found)

    async def bucket(self, scope: Scope, name: str) -> Bucket | None:
        """Return a bucket of any account, or None. Raises `ServiceError`."""
        answer = await self._s3(scope, "GET", f"/{name}?policy")
        if answer.status == 404 and b"<Code>NoSuchBucket</Code>" in content(answer):
            return None
        has_none = answer.status == 404 and b"NoSuchBucketPolicy" in content(answer)
        policy = b"{}" if has_none else _expected("GetBucketPolicy", answer)
        # moto does not return the owner of a bucket; only ListBuckets is limited to the account's buckets.
        own = _expected("ListBuckets", await self._s3(scope, "GET", "/"))
        return Bucket(name.encode() in _BUCKET_NAME.findall(own), _document(policy))

    async def put_bucket_policy(self, scope: Scope, name: str, policy: Mapping[str, Any]) -> None:
        """Attach a policy to a bucket. Raises `ServiceError`."""
        answer = await self._s3(scope, "PUT", f"/{name}?policy", orjson.dumps(policy))
        if answer.status not in {200, 204}:
            raise ServiceError("PutBucketPolicy", answer)

    async def logs(self, scope: Scope, operation: str, request: Mapping[str, object]) -> Outgoing:
        """Call CloudWatch Logs."""
        return await self._json(self._others, scope, f"{LOGS}.{operation}", request)

    async def firehose(self, scope: Scope, operation: str, request: Mapping[str, object]) -> Outgoing:
        """Call Firehose."""
        return await self._json(self._firehose, scope, f"{FIREHOSE}.{operation}", request)

    async def delivery_stream(self, scope: Scope, name: str) -> Mapping[str, Any] | None:
        """Return Firehose's description of a delivery stream, or None. Raises `ServiceError`."""
        answer = await self.firehose(scope, "DescribeDeliveryStream", {"DeliveryStreamName": name})
        if answer.status == 400 and b"ResourceNotFoundException" in content(answer):
            return None
        found = orjson.loads(_expected("DescribeDeliveryStream", answer))
        return cast("Mapping[str, Any]", found["DeliveryStreamDescription"])

    async def _s3(self, scope: Scope, method: str, target: str, body: bytes = b"") -> Outgoing:
        headers = {**signed(scope, "s3"), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        return await self._others(Incoming(method, target, headers, body))

    async def _json(
        self, service: Service, scope: Scope, target: str, request: Mapping[str, object]
    ) -> Outgoing:
        name = "logs" if target.startswith(LOGS) else "firehose"
        headers = {**signed(scope, name), "content-type": CONTENT_TYPE, "x-amz-target": target}
        return await service(Incoming("POST", "/", headers, orjson.dumps(request)))


def content(answer: Outgoing) -> bytes:
    """Return the body of a response that is complete, as those of moto and Firehose are."""
    return answer.body if isinstance(answer.body, bytes) else b""


def signed(scope: Scope, service: str) -> dict[str, str]:
    """Return headers that sign a request as an account, for a service in a Region."""
    credential = f"{scope.account}/20000101/{scope.region}/{service}/aws4_request"
    return {
        "host": "localhost",
        "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
    }


def _expected(asked: str, answer: Outgoing) -> bytes:
    if answer.status != 200:
        raise ServiceError(asked, answer)
    return content(answer)


def _document(policy: bytes) -> Mapping[str, Any]:
    """Parse a policy. moto stores any text; a text that is not a policy allows nothing."""
    try:
        found = orjson.loads(policy)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
