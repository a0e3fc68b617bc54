"""The calls that are played, one file for each. To play another: write its file, add it here, and its
fields to `shapes.SHAPES`."""

from __future__ import annotations

from emulator.kinesis.call import Operation
from emulator.kinesis.operations.create_stream import create_stream
from emulator.kinesis.operations.delete_stream import delete_stream
from emulator.kinesis.operations.describe_stream import describe_stream
from emulator.kinesis.operations.describe_stream_summary import describe_stream_summary
from emulator.kinesis.operations.get_records import get_records
from emulator.kinesis.operations.get_shard_iterator import get_shard_iterator
from emulator.kinesis.operations.list_shards import list_shards
from emulator.kinesis.operations.list_streams import list_streams
from emulator.kinesis.operations.put_record import put_record
from emulator.kinesis.operations.put_records import put_records

OPERATIONS: dict[str, Operation] = {
    "CreateStream": create_stream,
    "DeleteStream": delete_stream,
    "DescribeStream": describe_stream,
    "DescribeStreamSummary": describe_stream_summary,
    "GetRecords": get_records,
    "GetShardIterator": get_shard_iterator,
    "ListShards": list_shards,
    "ListStreams": list_streams,
    "PutRecord": put_record,
    "PutRecords": put_records,
}
