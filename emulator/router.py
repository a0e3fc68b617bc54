"""The choice of a request's service: by the scope of its signature, its target header, or its path. Pure.

AWS has one host name for each service. The emulator has one port, so it uses the credential scope, as
LocalStack does: `…/us-east-1/kinesis/aws4_request`. An unsigned request is recognized by `X-Amz-Target`, and
one to EC2 by its API version. The emulator's own pages have paths that no AWS service has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.moto.requests import caller

LARGE_BODY_BYTES = 1 << 30  # S3 objects, which moto stores.
SMALL_BODY_BYTES = 16 << 20  # PutRecords takes 10 MiB, which is 14 MiB in base64

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
_SCOPE_IN_QUERY = re.compile(r"[?&]X-Amz-Credential=[^&]*?(?:/|%2F)([a-z0-9-]+)(?:/|%2F)aws4_request", re.I)
_OURS = ("/_localstack/", "/_vpcflow/")
_METRICS = "/metrics"
_JSON = frozenset({"kinesis", "firehose"})
_LOGS = frozenset({"logs", "target Logs_20140328"})


@dataclass(frozen=True, slots=True)
class Router:
    """The services of one port. `ec2` and `logs` handle flow logs and forward the rest to `others`."""

    kinesis: Service
    firehose: Service
    ec2: Service
    logs: Service
    inspection: Service
    others: Service

    async def __call__(self, incoming: Incoming) -> Outgoing:
        """Answer a request through its service."""
        name = service_of(incoming.headers, incoming.target)
        if name == "kinesis":
            return await self.kinesis(incoming)
        if name == "firehose":
            return await self.firehose(incoming)
        if name == "ec2":
            return await self.ec2(incoming)
        if name in _LOGS:
            return await self.logs(incoming)
        return await (self.others if name else self._nameless)(incoming)

    async def _nameless(self, incoming: Incoming) -> Outgoing:
        if is_ours(incoming.target):
            return await self.inspection(incoming)
        if _is_bare_call(incoming):
            return await self.kinesis(incoming)
        return await (self.ec2 if caller(incoming).service == "ec2" else self.others)(incoming)


def service_of(headers: Mapping[str, str], target: str) -> str:
    """Return the service that a request names, or an empty string. Header names are in lower case."""
    found = _SCOPE.search(headers.get("authorization", ""))
    if found is None and "?" in target:
        found = _SCOPE_IN_QUERY.search(target)
    if found is not None:
        return found.group(1)
    called = headers.get("x-amz-target", "").partition(".")[0]
    if called.startswith("Kinesis_"):
        return "kinesis"
    if called.startswith("Firehose_"):
        return "firehose"
    return f"target {called}" if called else ""


def is_ours(target: str) -> bool:
    """Return True if a target is one of the emulator's own pages."""
    path = target.partition("?")[0]
    return path.startswith(_OURS) or path == _METRICS


def largest_body(headers: Mapping[str, str]) -> int:
    """Return the maximum body size in bytes of a request with these headers."""
    is_large = service_of(headers, "") not in _JSON
    return LARGE_BODY_BYTES if is_large else SMALL_BODY_BYTES


def is_inflated(headers: Mapping[str, str]) -> bool:
    """Return True if a compressed body is to be decompressed. S3 stores an object as it was sent."""
    return (name := service_of(headers, "")) in _JSON or name in _LOGS


def _is_bare_call(incoming: Incoming) -> bool:
    """Return True if a request without a service looks like a Kinesis call, which refuses it as AWS does."""
    content_type = incoming.headers.get("content-type", "")
    is_form = "form" in content_type or "xml" in content_type
    if "authorization" in incoming.headers or "X-Amz-Algorithm" in incoming.target:
        return not is_form
    is_root = incoming.target.partition("?")[0] == "/"
    return is_root and incoming.method in {"POST", "OPTIONS"} and not is_form
