"""Whether a destination takes records, asked while a flow log is created.

A bucket or a delivery stream that is missing or refuses is an item in `unsuccessful`, for each resource, in
an answer of status 200. A log group or a role is not asked for: a flow log without them is created, and fails
to deliver later, as in moto (and in AWS, as to the group: cloud-custodian/cloud-custodian#5645).
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from emulator.flowlogs.access.bucket_policy import POLICY_MAX_BYTES, Delivery, verdict, with_delivery
from emulator.flowlogs.api import errors
from emulator.flowlogs.api.errors import Unsuccessful
from emulator.flowlogs.flow_log import FIREHOSE, S3, Settings
from emulator.flowlogs.service_client import Asking
from emulator.scope import Scope

Objection = Callable[[str], Unsuccessful]
"""Returns the item of a resource in `unsuccessful`."""


async def objection(asking: Asking, settings: Settings, scope: Scope) -> Objection | None:
    """Return why a destination cannot be delivered to, or None. Raises `Refused`, and `NotAnswered`."""
    if settings.destination_type == S3:
        return await _bucket(asking, settings, scope)
    if settings.destination_type == FIREHOSE:
        return await _delivery_stream(asking, settings, scope)
    return None


async def _bucket(asking: Asking, settings: Settings, scope: Scope) -> Objection | None:
    name = settings.bucket
    bucket = await asking.bucket(scope, name)
    if bucket is None:
        return lambda resource_id: errors.no_destination(resource_id, name)
    delivery = Delivery.of(settings, scope)
    said = verdict(bucket.policy, delivery)
    if said == "Deny" or (not said and not bucket.is_own):
        return lambda resource_id: errors.denied_destination(resource_id, name)
    if not said:
        policy = with_delivery(bucket.policy, delivery)
        if len(orjson.dumps(policy)) > POLICY_MAX_BYTES:
            raise errors.policy_too_long(name)
        await asking.put_bucket_policy(scope, name, policy)
    return None


async def _delivery_stream(asking: Asking, settings: Settings, scope: Scope) -> Objection | None:
    name, owner = settings.stream_name, settings.destination_scope(scope)
    stream = await asking.delivery_stream(owner, name)
    if stream is None:
        return lambda resource_id: errors.no_destination(resource_id, name)
    if stream["DeliveryStreamType"] != "DirectPut":  # VPC guide, "Publish flow logs to Firehose"
        return lambda resource_id: errors.undeliverable(resource_id, name)
    # The service-linked role may put to streams with this tag only, so AWS sets it (same page).
    tag = {"Key": "LogDeliveryEnabled", "Value": "true"}
    await asking.firehose(owner, "TagDeliveryStream", {"DeliveryStreamName": name, "Tags": [tag]})
    return None
