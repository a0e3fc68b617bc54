"""The check before each delivery: the role's policies, the bucket's policy, an existing delivery stream.

Results are cached for `CACHE_S`, so that a corrected policy takes effect within that time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.flowlogs.access import bucket_policy, roles
from emulator.flowlogs.boto_errors import NO_ANSWER
from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.service_client import ServiceClient, ServiceError

CACHE_S = 5.0
LOGS_SERVICE, DELIVERY_SERVICE = "vpc-flow-logs.amazonaws.com", "delivery.logs.amazonaws.com"
_LOGS_ACTIONS = (  # VPC guide, "IAM role for publishing flow logs to CloudWatch Logs"
    *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    *("logs:DescribeLogGroups", "logs:DescribeLogStreams"),
)

Reason = str
"""The reason why delivery is not allowed, as a sentence. Empty if it is allowed."""


@dataclass(slots=True)
class Permissions:
    """The permissions of flow logs, with a short cache. `iam` returns an IAM client for an account."""

    client: ServiceClient
    iam: Callable[[str], Any]
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, Reason]] = field(default_factory=dict)

    async def to_log(self, flow_log: FlowLog) -> Reason:
        """Return the reason why the flow log may not write to its log group, or an empty string."""
        return await self._cached(flow_log, self._log)

    async def to_write(self, flow_log: FlowLog) -> Reason:
        """Return the reason why the flow log may not write to its bucket, or an empty string."""
        return await self._cached(flow_log, self._write)

    async def to_stream(self, flow_log: FlowLog) -> Reason:
        """Return the reason why the flow log may not write to its delivery stream, or an empty string."""
        return await self._cached(flow_log, self._stream)

    async def _cached(self, flow_log: FlowLog, check: Callable[[FlowLog], Awaitable[Reason]]) -> Reason:
        known = self._known.get(flow_log.flow_log_id)
        if known is not None and self.clock() - known[0] < CACHE_S:
            return known[1]
        try:
            reason = await check(flow_log)
        except (ServiceError, *NO_ANSWER) as error:
            reason = f"The permissions of {flow_log.flow_log_id} cannot be read: {error}"
        self._known[flow_log.flow_log_id] = (self.clock(), reason)
        return reason

    async def _log(self, flow_log: FlowLog) -> Reason:
        settings = flow_log.settings
        to = settings.destination_scope(flow_log.scope)
        group = f"arn:aws:logs:{to.region}:{to.account}:log-group:{settings.log_group_name}:*"
        arns = [settings.permission_arn, settings.cross_account_role]
        for arn, service in zip(arns, (LOGS_SERVICE, ""), strict=True):
            reason = await self._by_role(arn, service, _LOGS_ACTIONS, group) if arn else ""
            if reason:
                return reason
        return ""

    async def _write(self, flow_log: FlowLog) -> Reason:
        settings = flow_log.settings
        bucket = await self.client.bucket(flow_log.scope, settings.bucket)
        if bucket is None:
            return f"The bucket {settings.bucket} does not exist."
        delivery = bucket_policy.BucketDelivery.of(settings, flow_log.scope)
        if bucket_policy.verdict(bucket.policy, delivery) == "Allow":
            return ""
        return f"The bucket's policy does not let {DELIVERY_SERVICE} write to {delivery.objects_arn}."

    async def _stream(self, flow_log: FlowLog) -> Reason:
        settings = flow_log.settings
        scope = settings.destination_scope(flow_log.scope)
        if await self.client.delivery_stream(scope, settings.stream_name) is None:
            return f"The delivery stream {settings.log_destination} does not exist."
        if scope.account == flow_log.scope.account:
            return ""  # AWS uses the service-linked role, which it creates itself.
        for arn in (settings.permission_arn, settings.cross_account_role):
            if reason := await self._by_role(arn, "", (), ""):
                return reason
        return ""

    async def _by_role(self, arn: str, service: str, actions: tuple[str, ...], resource: str) -> Reason:
        """Check a role. If `service` is empty, check only that the role exists."""
        role = await asyncio.to_thread(lambda: roles.read(self.iam(arn.split(":")[4]), arn))
        if role is None:
            return f"The role {arn} does not exist."
        return role.refusal(service, actions, resource) if service else ""
