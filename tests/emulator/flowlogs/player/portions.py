"""Flow logs, minutes and rows for tests of what a flow log delivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, Format, log_format
from emulator.flowlogs.flow_log import S3, FlowLog, Settings
from emulator.flowlogs.player.rows import Rows, Surroundings
from emulator.scope import Scope
from emulator.world.simulation import Minute
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.records import Records

FIRST = 28_332_600
"""The minute that begins on Tuesday, 14 November 2023, at 10:00 UTC."""
HERE = Surroundings("111111111111", "eu-west-1")
EVERY_FIELD: Format = tuple(name for name, version in FIELD_VERSIONS.items() if version != 6)
"""Version 6 is of transit gateways."""


def flow_log(resource: str = "vpc-a", kind: str = "VPC", **more: Any) -> FlowLog:
    """Return a flow log of everything in a VPC, each minute, with the default format."""
    fields: Format = more.pop("fields", DEFAULT_FORMAT)
    usual: dict[str, Any] = {
        "traffic_type": "ALL",
        "destination_type": S3,
        "log_destination": "arn:aws:s3:::lake",
        "log_group_name": "",
        "permission_arn": "",
        "cross_account_role": "",
        "interval_s": 60,
        "options": None,
    }
    settings = Settings(kind, log_format=log_format(fields), fields=fields, **(usual | more))
    scope = Scope("111111111111", "eu-west-1")
    return FlowLog("fl-0123456789abcdef0", scope, resource, settings, 1_699_956_000_000)


def rows(directory: Directory, fields: Format = DEFAULT_FORMAT) -> Rows:
    """Return what writes the records of a world."""
    return Rows(directory, HERE, fields)


def minute(nth: int, enis: Sequence[int], skipped: Sequence[int] = (), **columns: Sequence[int]) -> Minute:
    """Return a minute with a record for each of some interfaces: one ACCEPT of 10 packets, 1000 bytes."""
    size = len(enis)
    usual = dict.fromkeys(Records.__dataclass_fields__, [0] * size)
    usual |= {"eni": enis, "packets": [10] * size, "bytes": [1000] * size, "protocol": [6] * size}
    usual |= {"start": [(FIRST + nth) * 60 + 7] * size, "end": [(FIRST + nth) * 60 + 31] * size}
    usual |= {"src": [1] * size, "dst": [2] * size, "srcport": [443] * size, "dstport": [40_000] * size}
    made = Records(*(np.array((usual | columns)[name], np.int64) for name in Records.__dataclass_fields__))
    return Minute(FIRST + nth, made, tuple(skipped))
