"""The implemented API calls, one file for each.

To add a call: write its file, add it to the table here, and add its fields to `shapes`.
"""

from __future__ import annotations

from emulator.kinesis.call import Operation
from emulator.kinesis.operations.add_tags_to_stream import add_tags_to_stream
from emulator.kinesis.operations.create_stream import create_stream
from emulator.kinesis.operations.decrease_stream_retention_period import decrease_stream_retention_period
from emulator.kinesis.operations.delete_resource_policy import delete_resource_policy
from emulator.kinesis.operations.delete_stream import delete_stream
from emulator.kinesis.operations.deregister_stream_consumer import deregister_stream_consumer
from emulator.kinesis.operations.describe_account_settings import describe_account_settings
from emulator.kinesis.operations.describe_limits import describe_limits
from emulator.kinesis.operations.describe_stream import describe_stream
from emulator.kinesis.operations.describe_stream_consumer import describe_stream_consumer
from emulator.kinesis.operations.describe_stream_summary import describe_stream_summary
from emulator.kinesis.operations.disable_enhanced_monitoring import disable_enhanced_monitoring
from emulator.kinesis.operations.enable_enhanced_monitoring import enable_enhanced_monitoring
from emulator.kinesis.operations.get_records import get_records
from emulator.kinesis.operations.get_resource_policy import get_resource_policy
from emulator.kinesis.operations.get_shard_iterator import get_shard_iterator
from emulator.kinesis.operations.increase_stream_retention_period import increase_stream_retention_period
from emulator.kinesis.operations.list_shards import list_shards
from emulator.kinesis.operations.list_stream_consumers import list_stream_consumers
from emulator.kinesis.operations.list_streams import list_streams
from emulator.kinesis.operations.list_tags_for_resource import list_tags_for_resource
from emulator.kinesis.operations.list_tags_for_stream import list_tags_for_stream
from emulator.kinesis.operations.merge_shards import merge_shards
from emulator.kinesis.operations.not_supported import not_supported
from emulator.kinesis.operations.put_record import put_record
from emulator.kinesis.operations.put_records import put_records
from emulator.kinesis.operations.put_resource_policy import put_resource_policy
from emulator.kinesis.operations.register_stream_consumer import register_stream_consumer
from emulator.kinesis.operations.remove_tags_from_stream import remove_tags_from_stream
from emulator.kinesis.operations.split_shard import split_shard
from emulator.kinesis.operations.start_stream_encryption import start_stream_encryption
from emulator.kinesis.operations.stop_stream_encryption import stop_stream_encryption
from emulator.kinesis.operations.subscribe_to_shard import subscribe_to_shard
from emulator.kinesis.operations.tag_resource import tag_resource
from emulator.kinesis.operations.untag_resource import untag_resource
from emulator.kinesis.operations.update_account_settings import update_account_settings
from emulator.kinesis.operations.update_max_record_size import update_max_record_size
from emulator.kinesis.operations.update_shard_count import update_shard_count
from emulator.kinesis.operations.update_stream_mode import update_stream_mode
from emulator.kinesis.operations.update_stream_record_distribution_strategy import (
    update_stream_record_distribution_strategy,
)
from emulator.kinesis.operations.update_stream_warm_throughput import update_stream_warm_throughput
from emulator.kinesis.shapes import NOT_SUPPORTED

OPERATIONS: dict[str, Operation] = {
    **dict.fromkeys(NOT_SUPPORTED, not_supported),
    "AddTagsToStream": add_tags_to_stream,
    "CreateStream": create_stream,
    "DecreaseStreamRetentionPeriod": decrease_stream_retention_period,
    "DeleteResourcePolicy": delete_resource_policy,
    "DeleteStream": delete_stream,
    "DeregisterStreamConsumer": deregister_stream_consumer,
    "DescribeAccountSettings": describe_account_settings,
    "DescribeLimits": describe_limits,
    "DescribeStream": describe_stream,
    "DescribeStreamConsumer": describe_stream_consumer,
    "DescribeStreamSummary": describe_stream_summary,
    "DisableEnhancedMonitoring": disable_enhanced_monitoring,
    "EnableEnhancedMonitoring": enable_enhanced_monitoring,
    "GetRecords": get_records,
    "GetResourcePolicy": get_resource_policy,
    "GetShardIterator": get_shard_iterator,
    "IncreaseStreamRetentionPeriod": increase_stream_retention_period,
    "ListShards": list_shards,
    "ListStreamConsumers": list_stream_consumers,
    "ListStreams": list_streams,
    "ListTagsForResource": list_tags_for_resource,
    "ListTagsForStream": list_tags_for_stream,
    "MergeShards": merge_shards,
    "PutRecord": put_record,
    "PutRecords": put_records,
    "PutResourcePolicy": put_resource_policy,
    "RegisterStreamConsumer": register_stream_consumer,
    "RemoveTagsFromStream": remove_tags_from_stream,
    "SplitShard": split_shard,
    "StartStreamEncryption": start_stream_encryption,
    "StopStreamEncryption": stop_stream_encryption,
    "SubscribeToShard": subscribe_to_shard,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateAccountSettings": update_account_settings,
    "UpdateMaxRecordSize": update_max_record_size,
    "UpdateShardCount": update_shard_count,
    "UpdateStreamMode": update_stream_mode,
    "UpdateStreamRecordDistributionStrategy": update_stream_record_distribution_strategy,
    "UpdateStreamWarmThroughput": update_stream_warm_throughput,
}
