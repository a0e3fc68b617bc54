"""What each call takes, as data: fields, types and limits, in the order AWS checks them.

Order and patterns are those of AWS's own error sentences, as kinesalite's suite recorded them; the fields
added since (`StreamARN`, `DryRun`, `StreamModeDetails` …) are from botocore's model (2013-12-02) and stand
last, for nobody has published AWS's order for them. `StreamId` is "Not Implemented. Reserved for future
use" in the model: it is read and ignored, as are fields not listed here.
`validation.py` gives these tables their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["String", "Integer", "Boolean", "Blob", "Timestamp", "List", "Map", "Structure"]


@dataclass(frozen=True, slots=True)
class Member:
    """One field. `least` and `most` limit a number's value, or the length of anything else.

    `members` are the fields of a structure, or the one element of a list or map. `shown_as` is how AWS's
    sentences print an element.
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


def _name(field: str) -> Member:
    return Member(field, "String", pattern="[a-zA-Z0-9_.-]+", least=1, most=128)


def _required(member: Member) -> Member:
    return replace(member, required=True)


def _limit(field: str) -> Member:
    return Member(field, "Integer", least=1, most=10_000)


STREAM_NAME = _name("StreamName")
SHARD_ID = _name("ShardId")
STREAM_ARN = Member(
    "StreamARN", "String", pattern=r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", least=1, most=2048
)
DRY_RUN = Member("DryRun", "Boolean")
NEXT_TOKEN = Member("NextToken", "String", least=1, most=1_048_576)
PARTITION_KEY = Member("PartitionKey", "String", required=True, least=1, most=256)
EXPLICIT_HASH_KEY = Member("ExplicitHashKey", "String", pattern=r"0|([1-9]\d{0,38})")
DATA = Member("Data", "Blob", required=True, most=10 << 20)

RECORDS_ENTRY = Member("member", "Structure", required=True, members=(PARTITION_KEY, EXPLICIT_HASH_KEY, DATA))
RECORDS = Member(
    "Records",
    "List",
    required=True,
    least=1,
    most=500,
    members=(RECORDS_ENTRY,),
    shown_as="com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
)

_STREAM_MODE = Member(
    "StreamModeDetails",
    "Structure",
    members=(Member("StreamMode", "String", required=True, one_of=("PROVISIONED", "ON_DEMAND")),),
)
_SHARD_FILTER = Member(
    "ShardFilter",
    "Structure",
    members=(
        Member(
            "Type",
            "String",
            required=True,
            one_of=(
                "AFTER_SHARD_ID",
                "AT_TRIM_HORIZON",
                "FROM_TRIM_HORIZON",
                "AT_LATEST",
                "AT_TIMESTAMP",
                "FROM_TIMESTAMP",
            ),
        ),
        SHARD_ID,
        Member("Timestamp", "Timestamp"),
    ),
)

SHAPES: dict[str, tuple[Member, ...]] = {
    "CreateStream": (
        Member("ShardCount", "Integer", least=1, most=100_000),
        _required(STREAM_NAME),
        _STREAM_MODE,
        Member("MaxRecordSizeInKiB", "Integer", least=1024, most=10_240),
        Member("WarmThroughputMiBps", "Integer", least=0),
        Member("RecordDistributionStrategy", "String", one_of=("AUTO", "USER_PARTITION_KEY")),
        Member("Tags", "Map", least=1, most=200, members=(Member("member", "String", least=0, most=256),)),
    ),
    "DeleteStream": (STREAM_NAME, STREAM_ARN, Member("EnforceConsumerDeletion", "Boolean")),
    "DescribeStream": (_limit("Limit"), _name("ExclusiveStartShardId"), STREAM_NAME, STREAM_ARN),
    "DescribeStreamSummary": (STREAM_NAME, STREAM_ARN),
    "ListStreams": (_limit("Limit"), _name("ExclusiveStartStreamName"), NEXT_TOKEN),
    "ListShards": (
        _name("ExclusiveStartShardId"),
        _limit("MaxResults"),
        NEXT_TOKEN,
        Member("StreamCreationTimestamp", "Timestamp"),
        STREAM_NAME,
        STREAM_ARN,
        _SHARD_FILTER,
    ),
    "PutRecord": (
        Member("SequenceNumberForOrdering", "String", pattern=r"0|([1-9]\d{0,128})"),
        PARTITION_KEY,
        EXPLICIT_HASH_KEY,
        DATA,
        STREAM_NAME,
        STREAM_ARN,
        DRY_RUN,
    ),
    "PutRecords": (RECORDS, STREAM_NAME, STREAM_ARN, DRY_RUN),
    "GetShardIterator": (
        _required(SHARD_ID),
        Member(
            "ShardIteratorType",
            "String",
            required=True,
            one_of=("AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"),
        ),
        Member("StartingSequenceNumber", "String", pattern=r"0|([1-9]\d{0,128})"),
        STREAM_NAME,
        Member("Timestamp", "Timestamp"),
        STREAM_ARN,
        DRY_RUN,
    ),
    "GetRecords": (
        _limit("Limit"),
        Member("ShardIterator", "String", required=True, least=1, most=512),
        STREAM_ARN,
        DRY_RUN,
    ),
}
