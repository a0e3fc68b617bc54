"""The fields of the calls that create, change, describe and list streams and shards."""

from __future__ import annotations

from emulator.kinesis.shapes.members import (
    MAX_RECORD_SIZE,
    NEXT_TOKEN,
    SHARD_ID,
    STRATEGY,
    STREAM,
    STREAM_ARN,
    STREAM_CREATION_TIMESTAMP,
    STREAM_ID,
    STREAM_MODE,
    STREAM_NAME,
    TAGS,
    WARM_THROUGHPUT,
    Member,
    limit,
    name,
    required,
)

METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)
_METRICS = Member(
    "ShardLevelMetrics",
    "List",
    required=True,
    least=1,
    most=7,
    members=(Member("member", "String", one_of=(*METRICS, "ALL")),),
)
_FILTER_TYPES = (
    "AFTER_SHARD_ID",
    "AT_TRIM_HORIZON",
    "FROM_TRIM_HORIZON",
    "AT_LATEST",
    "AT_TIMESTAMP",
    "FROM_TIMESTAMP",
)
_SHARD_FILTER = Member(
    "ShardFilter",
    "Structure",
    members=(
        Member("Type", "String", required=True, one_of=_FILTER_TYPES),
        SHARD_ID,
        Member("Timestamp", "Timestamp"),
    ),
)
_RETENTION = Member("RetentionPeriodHours", "Integer", required=True)
_ENCRYPTION = (
    Member("EncryptionType", "String", required=True, one_of=("NONE", "KMS")),
    Member("KeyId", "String", required=True, least=1, most=2048),
    *STREAM,
)

SHAPES: dict[str, tuple[Member, ...]] = {
    "CreateStream": (
        Member("ShardCount", "Integer", least=1, most=100_000),
        required(STREAM_NAME),
        STREAM_MODE,
        MAX_RECORD_SIZE,
        WARM_THROUGHPUT,
        STRATEGY,
        TAGS,
    ),
    "DeleteStream": (*STREAM, Member("EnforceConsumerDeletion", "Boolean")),
    "DescribeStream": (limit("Limit"), name("ExclusiveStartShardId"), *STREAM),
    "DescribeStreamSummary": STREAM,
    "ListStreams": (limit("Limit"), name("ExclusiveStartStreamName"), NEXT_TOKEN),
    "ListShards": (
        name("ExclusiveStartShardId"),
        limit("MaxResults"),
        NEXT_TOKEN,
        STREAM_CREATION_TIMESTAMP,
        *STREAM,
        _SHARD_FILTER,
    ),
    "MergeShards": (required(name("ShardToMerge")), required(name("AdjacentShardToMerge")), *STREAM),
    "SplitShard": (
        Member("NewStartingHashKey", "String", required=True, pattern=r"0|([1-9]\d{0,38})"),
        STREAM_NAME,
        required(name("ShardToSplit")),
        STREAM_ARN,
        STREAM_ID,
    ),
    "UpdateShardCount": (
        Member("ScalingType", "String", required=True, one_of=("UNIFORM_SCALING",)),
        Member("TargetShardCount", "Integer", required=True, least=1),
        *STREAM,
    ),
    "DecreaseStreamRetentionPeriod": (_RETENTION, *STREAM),
    "IncreaseStreamRetentionPeriod": (_RETENTION, *STREAM),
    "EnableEnhancedMonitoring": (_METRICS, *STREAM),
    "DisableEnhancedMonitoring": (_METRICS, *STREAM),
    "StartStreamEncryption": _ENCRYPTION,
    "StopStreamEncryption": _ENCRYPTION,
    "UpdateMaxRecordSize": (required(MAX_RECORD_SIZE), STREAM_ARN, STREAM_ID),
    "UpdateStreamMode": (required(STREAM_ARN), required(STREAM_MODE), WARM_THROUGHPUT, STREAM_ID),
    "UpdateStreamWarmThroughput": (required(WARM_THROUGHPUT), *STREAM),
    "UpdateStreamRecordDistributionStrategy": (required(STREAM_ARN), required(STRATEGY), STREAM_ID),
}
