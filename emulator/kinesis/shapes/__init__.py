"""What each call takes, as data: fields, types and limits, in the order in which AWS checks them.

`members` has fields that calls share; `streams`, `records` and `consumers` the calls; `validation` checks a
request against them, in AWS's words. The order is that of AWS's own error sentences where kinesalite's suite
recorded them; fields added since stand last, because AWS's order for them is not published. The calls on
queues and channels have no fields here, because they are refused.
"""

from __future__ import annotations

from emulator.kinesis.shapes import consumers, records, streams
from emulator.kinesis.shapes.members import Kind, Member
from emulator.kinesis.shapes.records import PARTITION_KEY, RECORDS, RECORDS_ENTRY

__all__ = ["NOT_PLAYED", "PARTITION_KEY", "RECORDS", "RECORDS_ENTRY", "SHAPES", "Kind", "Member"]

NOT_PLAYED = (
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
"""The calls on queues and channels: all of the model's that are about neither streams nor their records."""

SHAPES: dict[str, tuple[Member, ...]] = {
    **streams.SHAPES,
    **records.SHAPES,
    **consumers.SHAPES,
    **dict.fromkeys(NOT_PLAYED, ()),
}
