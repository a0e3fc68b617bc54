"""The fields of the calls that put and read records."""

from __future__ import annotations

from emulator.kinesis.shapes.members import (
    CONSUMER_ARN,
    DRY_RUN,
    SHARD_ID,
    STREAM,
    STREAM_ARN,
    STREAM_ID,
    STREAM_NAME,
    Member,
    limit,
    required,
)

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
_SEQUENCE_NUMBER = r"0|([1-9]\d{0,128})"
_ITERATOR_TYPES = ("AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON")

SHAPES: dict[str, tuple[Member, ...]] = {
    "PutRecord": (
        Member("SequenceNumberForOrdering", "String", pattern=_SEQUENCE_NUMBER),
        PARTITION_KEY,
        EXPLICIT_HASH_KEY,
        DATA,
        *STREAM,
        DRY_RUN,
    ),
    "PutRecords": (RECORDS, *STREAM, DRY_RUN),
    "GetShardIterator": (
        required(SHARD_ID),
        Member("ShardIteratorType", "String", required=True, one_of=_ITERATOR_TYPES),
        Member("StartingSequenceNumber", "String", pattern=_SEQUENCE_NUMBER),
        STREAM_NAME,
        Member("Timestamp", "Timestamp"),
        STREAM_ARN,
        STREAM_ID,
        DRY_RUN,
    ),
    "GetRecords": (
        limit("Limit"),
        Member("ShardIterator", "String", required=True, least=1, most=512),
        STREAM_ARN,
        STREAM_ID,
        DRY_RUN,
    ),
    "SubscribeToShard": (
        required(CONSUMER_ARN),
        required(SHARD_ID),
        Member(
            "StartingPosition",
            "Structure",
            required=True,
            members=(
                Member("Type", "String", required=True, one_of=_ITERATOR_TYPES),
                Member("SequenceNumber", "String", pattern=_SEQUENCE_NUMBER),
                Member("Timestamp", "Timestamp"),
            ),
        ),
        STREAM_ID,
        DRY_RUN,
    ),
}
