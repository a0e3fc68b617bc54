"""The fields of each call, as data: types and limits, in the order of AWS's checks.

`members` has the fields that calls share; `streams`, `records` and `consumers` the calls; `validation` checks
a request against them and words errors as AWS does. The order is the one that kinesalite's suite recorded.
Later fields are last, because AWS's order for them is not published. The calls on queues and channels have no
fields here, because they are refused.
"""

from __future__ import annotations

from emulator.kinesis.shapes import consumers, records, streams
from emulator.kinesis.shapes.members import Kind, Member
from emulator.kinesis.shapes.records import PARTITION_KEY, RECORDS, RECORDS_ENTRY

__all__ = ["NOT_SUPPORTED", "PARTITION_KEY", "RECORDS", "RECORDS_ENTRY", "SHAPES", "Kind", "Member"]

NOT_SUPPORTED = (
    "AcknowledgeDeadLetterQueueRecords",
    "AcknowledgeQueueRecords",
    "CreateChannel",
    "CreateQueue",
    "DeleteChannel",
    "DeleteQueue",
    "DescribeChannel",
    "DescribeQueue",
    "ListChannels",
    "ListQueues",
    "ReceiveDeadLetterQueueRecords",
    "ReceiveQueueRecords",
    "RestoreDeadLetterQueueRecords",
    "UpdateChannel",
    "UpdateDeadLetterQueueRecordsVisibility",
    "UpdateQueue",
    "UpdateQueueRecordsVisibility",
)
"""The calls on queues and channels: all calls of the model that do not concern streams and records."""

SHAPES: dict[str, tuple[Member, ...]] = {
    **streams.SHAPES,
    **records.SHAPES,
    **consumers.SHAPES,
    **dict.fromkeys(NOT_SUPPORTED, ()),
}
