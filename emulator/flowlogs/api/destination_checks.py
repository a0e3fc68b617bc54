"""The check of a destination while a flow log is created.

If a bucket or a delivery stream is missing or denies access, the answer has status 200 and an item in
`unsuccessful` for each resource. Log groups and roles are not checked: without them the flow log is created,
and its delivery fails later, as in moto (and in AWS for the log group: cloud-custodian/cloud-custodian#5645).
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from emulator.flowlogs.access.bucket_policy import POLICY_MAX_BYTES, BucketDelivery, verdict, with_delivery
from emulator.flowlogs.api import errors
from emulator.flowlogs.api.errors import Unsuccessful
from emulator.flowlogs.flow_log import FIREHOSE, S3, Settings
from emulator.flowlogs.service_client import ServiceClient
from emulator.scope import Scope

DestinationError = Callable[[str], Unsuccessful]
"""A function from a resource id to its item in `unsuccessful`."""


async def check_destination(
    client: ServiceClient, settings: Settings, scope: Scope
) -> DestinationError | None:
    """Return the error of a destination that cannot be used, or None. Raises `Refused` and `ServiceError`."""
    if settings.destination_type == S3:
        return await _bucket(client, settings, scope)
    if settings.destination_type == FIREHOSE:
        return await _delivery_stream(client, settings, scope)
    return None


async def _bucket(client: ServiceClient, settings: Settings, scope: Scope) -> DestinationError | None:
    name = settings.bucket
    bucket = await client.bucket(scope, name)
    if bucket is None:
        return lambda resource_id: errors.no_destination(resource_id, name)
    delivery = BucketDelivery.of(settings, scope)
    decision = verdict(bucket.policy, delivery)
    if decision == "Deny" or (not decision and not bucket.is_own):
        return lambda resource_id: errors.denied_destination(resource_id, name)
    if not decision:
        policy = with_delivery(bucket.policy, delivery)
        if len(orjson.dumps(policy)) > POLICY_MAX_BYTES:
            raise errors.policy_too_long(name)
        await client.put_bucket_policy(scope, name, policy)
    return None


async def _delivery_stream(
    client: ServiceClient, settings: Settings, scope: Scope
) -> DestinationError | None:
    name, owner = settings.stream_name, settings.destination_scope(scope)
    stream = await client.delivery_stream(owner, name)
    if stream is None:
        return lambda resource_id: errors.no_destination(resource_id, name)
    if stream["DeliveryStreamType"] != "DirectPut":  # VPC guide, "Publish flow logs to Firehose"
        return lambda resource_id: errors.undeliverable(resource_id, name)
    # The service-linked role may put to streams with this tag only, so AWS sets it (same page).
    tag = {"Key": "LogDeliveryEnabled", "Value": "true"}
    await client.firehose(owner, "TagDeliveryStream", {"DeliveryStreamName": name, "Tags": [tag]})
    return None
