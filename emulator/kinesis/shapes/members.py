"""The type of a request field, as data, and the fields that many calls share.

Patterns and limits are from AWS's error messages, recorded by kinesalite's suite; those of later fields are
from botocore's model (2013-12-02). The model describes `StreamId` as "Not Implemented. Reserved for future
use": it is validated and otherwise ignored. Unlisted fields are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["String", "Integer", "Boolean", "Blob", "Timestamp", "List", "Map", "Structure"]


@dataclass(frozen=True, slots=True)
class Member:
    """One field. `least` and `most` limit a number's value, or the length of anything else.

    `members` are the fields of a structure, the one element of a list, or the key and the value of a map.
    `shown_as` is the text for a structure in a list in AWS's messages.
    """

    name: str
    kind: Kind
    required: bool = False
    pattern: str = ""
    one_of: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    members: tuple[Member, ...] = ()
    shown_as: str = ""


def name(field: str) -> Member:
    """Return a field with the name of a resource."""
    return Member(field, "String", pattern="[a-zA-Z0-9_.-]+", least=1, most=128)


def required(member: Member) -> Member:
    """Return a copy of a field that is required."""
    return replace(member, required=True)


def limit(field: str, most: int = 10_000) -> Member:
    """Return a field with the maximum number of entries of a page."""
    return Member(field, "Integer", least=1, most=most)


STREAM_NAME = name("StreamName")
CONSUMER_NAME = name("ConsumerName")
SHARD_ID = name("ShardId")
STREAM_ARN = Member(
    "StreamARN", "String", pattern=r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", least=1, most=2048
)
CONSUMER_ARN = Member(
    "ConsumerARN",
    "String",
    pattern=r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
    least=1,
    most=2048,
)
RESOURCE_ARN = Member(
    "ResourceARN",
    "String",
    required=True,
    pattern=r"arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel|queue)/\S+",
    least=1,
    most=2048,
)
STREAM_ID = Member("StreamId", "String", pattern="[a-z0-9]{20}-[a-z0-9]{3}", least=1, most=24)
STREAM = (STREAM_NAME, STREAM_ARN, STREAM_ID)
"""The three fields that identify a stream. The model requires none of them."""

DRY_RUN = Member("DryRun", "Boolean")
NEXT_TOKEN = Member("NextToken", "String", least=1, most=1_048_576)
STREAM_CREATION_TIMESTAMP = Member("StreamCreationTimestamp", "Timestamp")
STREAM_MODE = Member(
    "StreamModeDetails",
    "Structure",
    members=(Member("StreamMode", "String", required=True, one_of=("PROVISIONED", "ON_DEMAND")),),
)
MAX_RECORD_SIZE = Member("MaxRecordSizeInKiB", "Integer", least=1024, most=10_240)
WARM_THROUGHPUT = Member("WarmThroughputMiBps", "Integer", least=0)
STRATEGY = Member("RecordDistributionStrategy", "String", one_of=("AUTO", "USER_PARTITION_KEY"))

TAG_KEY = Member("member", "String", least=1, most=128)
TAG_VALUE = Member("member", "String", least=0, most=256)
TAGS = Member("Tags", "Map", least=1, most=200, members=(TAG_KEY, TAG_VALUE))
TAG_KEYS = Member("TagKeys", "List", required=True, least=1, most=50, members=(TAG_KEY,))
