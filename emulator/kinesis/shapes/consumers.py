"""The fields of the calls on consumers, tags, resource policies and the account."""

from __future__ import annotations

from emulator.kinesis.shapes.members import (
    CONSUMER_ARN,
    CONSUMER_NAME,
    NEXT_TOKEN,
    RESOURCE_ARN,
    STREAM,
    STREAM_ARN,
    STREAM_CREATION_TIMESTAMP,
    STREAM_ID,
    TAG_KEYS,
    TAGS,
    Member,
    limit,
    required,
)

_CONSUMER = (CONSUMER_ARN, CONSUMER_NAME, STREAM_ARN, STREAM_ID)
_COMMITMENT = Member(
    "MinimumThroughputBillingCommitment",
    "Structure",
    required=True,
    members=(Member("Status", "String", required=True, one_of=("ENABLED", "DISABLED")),),
)

SHAPES: dict[str, tuple[Member, ...]] = {
    "RegisterStreamConsumer": (required(CONSUMER_NAME), required(STREAM_ARN), TAGS, STREAM_ID),
    "DeregisterStreamConsumer": _CONSUMER,
    "DescribeStreamConsumer": _CONSUMER,
    "ListStreamConsumers": (
        limit("MaxResults"),
        NEXT_TOKEN,
        required(STREAM_ARN),
        STREAM_CREATION_TIMESTAMP,
        STREAM_ID,
    ),
    "AddTagsToStream": (required(TAGS), *STREAM),
    "RemoveTagsFromStream": (TAG_KEYS, *STREAM),
    "ListTagsForStream": (
        limit("Limit", 50),
        Member("ExclusiveStartTagKey", "String", least=1, most=128),
        *STREAM,
    ),
    "TagResource": (required(TAGS), RESOURCE_ARN, STREAM_ID),
    "UntagResource": (TAG_KEYS, RESOURCE_ARN, STREAM_ID),
    "ListTagsForResource": (RESOURCE_ARN, STREAM_ID),
    "GetResourcePolicy": (RESOURCE_ARN, STREAM_ID),
    "DeleteResourcePolicy": (RESOURCE_ARN, STREAM_ID),
    "PutResourcePolicy": (Member("Policy", "String", required=True), RESOURCE_ARN, STREAM_ID),
    "DescribeAccountSettings": (),
    "UpdateAccountSettings": (_COMMITMENT,),
    "DescribeLimits": (),
}
