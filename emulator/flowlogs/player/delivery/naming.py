"""The names of log streams in CloudWatch Logs and of objects in S3. Pure.

Source: VPC guide, "Flow log files" (key layout, five minutes per file); "Publish flow logs to CloudWatch
Logs" (one stream per interface). Two flow logs with different filters and the same group share one stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from emulator.flowlogs.flow_log import DestinationOptions, FlowLog

FILE_S = 300
_HASH_CHARS = 8


def log_stream(interface_id: str, filters: Iterable[str]) -> str:
    """Return the log stream of an interface. `filters`: those of all flow logs that write to the group."""
    distinct = set(filters)
    return f"{interface_id}-{distinct.pop().lower() if len(distinct) == 1 else 'all'}"


def object_key(flow_log: FlowLog, file_start_s: int, nth: int) -> str:
    """Return the object key of the nth file of a five-minute period."""
    options = flow_log.settings.options or DestinationOptions()
    at = datetime.fromtimestamp(file_start_s, UTC)
    account, region = flow_log.scope.account, flow_log.scope.region
    if options.hive_compatible_partitions:
        parts = [
            *(f"aws-account-id={account}", "aws-service=vpcflowlogs", f"aws-region={region}"),
            *(f"year={at:%Y}", f"month={at:%m}", f"day={at:%d}"),
            *((f"hour={at:%H}",) if options.per_hour_partition else ()),
        ]
    else:
        hour = (f"{at:%H}",) if options.per_hour_partition else ()
        parts = [account, "vpcflowlogs", region, f"{at:%Y}", f"{at:%m}", f"{at:%d}", *hour]
    unique = f"{flow_log.flow_log_id} {file_start_s} {nth}".encode()
    digest = hashlib.sha256(unique).hexdigest()[:_HASH_CHARS]
    end = "log.parquet" if options.file_format == "parquet" else "log.gz"
    name = f"{account}_vpcflowlogs_{region}_{flow_log.flow_log_id}_{at:%Y%m%dT%H%MZ}_{digest}.{end}"
    folder = flow_log.settings.folder
    return "/".join([*((folder,) if folder else ()), "AWSLogs", *parts, name])
