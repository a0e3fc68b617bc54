"""A flow log with its settings and delivery status, and the collection of all flow logs. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from connectors.formats.flowlog import DEFAULT_FORMAT, Format
from emulator.scope import Scope

CLOUDWATCH, S3, FIREHOSE = "cloud-watch-logs", "s3", "kinesis-data-firehose"
ACCESS_ERROR, UNKNOWN_ERROR = "Access error", "Unknown error"
LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class DestinationOptions:
    """The options for files in S3."""

    file_format: Literal["plain-text", "parquet"] = "plain-text"
    hive_compatible_partitions: bool = False
    per_hour_partition: bool = False


@dataclass(frozen=True, slots=True)
class TagFields:
    """The tag keys whose values are fields of version 11 records, for one resource type."""

    resource_type: str
    tag_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings from `CreateFlowLogs`. They never change. `fields` is the parsed `log_format`."""

    resource_type: str
    traffic_type: str
    destination_type: str
    log_destination: str
    log_group_name: str
    permission_arn: str
    cross_account_role: str
    log_format: str
    fields: Format
    interval_s: int
    options: DestinationOptions | None
    tag_fields: tuple[TagFields, ...] = ()

    @property
    def filter(self) -> str:
        """`ACCEPT`, `REJECT` or `ALL`, in capitals."""
        return self.traffic_type.upper()

    @property
    def is_default_format(self) -> bool:
        """True if the format is the default one."""
        return self.fields == DEFAULT_FORMAT

    @property
    def bucket(self) -> str:
        """The name of the S3 bucket."""
        return self.log_destination.split(":", 5)[5].partition("/")[0]

    @property
    def folder(self) -> str:
        """The folder in the bucket, without leading and trailing slashes. It may be empty."""
        return self.log_destination.split(":", 5)[5].partition("/")[2].strip("/")

    @property
    def stream_name(self) -> str:
        """The name of the Firehose delivery stream."""
        return self.log_destination.split(":", 5)[5].partition("/")[2]

    def destination_scope(self, own: Scope) -> Scope:
        """Return the account and Region in the destination's ARN. If it has none, return `own`."""
        parts = self.log_destination.split(":")
        return Scope(parts[4] or own.account, parts[3] or own.region) if len(parts) > 4 else own


@dataclass(slots=True)
class Delivered:
    """The delivery counters of one flow log, in calls and in lines, and its last delivered lines."""

    calls: int = 0
    lines: int = 0
    lost: int = 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


@dataclass(slots=True)
class FlowLog:
    """One flow log.

    `error` is AWS's `DeliverLogsErrorMessage`; it is empty while delivery succeeds. `reason` is a more
    detailed sentence for the emulator's page.
    """

    flow_log_id: str
    scope: Scope
    resource_id: str
    settings: Settings
    created_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    error: str = ""
    reason: str = ""
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def status(self) -> str:
        """`SUCCESS` or `FAILED`."""
        return "FAILED" if self.error else "SUCCESS"

    def values(self, filter_name: str) -> list[str] | None:
        """Return the values that a filter of `DescribeFlowLogs` compares, or None for an unknown filter."""
        settings = self.settings
        if filter_name.startswith("tag:"):
            key = filter_name.removeprefix("tag:")
            return [self.tags[key]] if key in self.tags else []
        return {
            "deliver-log-status": [self.status],
            "log-destination-type": [settings.destination_type],
            "flow-log-id": [self.flow_log_id],
            "log-group-name": [settings.log_group_name] if settings.log_group_name else [],
            "resource-id": [self.resource_id],
            "traffic-type": [settings.traffic_type],
            "tag-key": list(self.tags),
        }.get(filter_name)


@dataclass(slots=True)
class FlowLogs:
    """All flow logs, in the order of their creation."""

    _by_id: dict[str, FlowLog] = field(default_factory=dict)

    def __iter__(self) -> Iterator[FlowLog]:
        return iter(list(self._by_id.values()))

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def of(self, scope: Scope) -> list[FlowLog]:
        """Return an account's flow logs in a Region."""
        return [one for one in self._by_id.values() if one.scope == scope]

    def get(self, scope: Scope, flow_log_id: str) -> FlowLog | None:
        """Return a flow log, or None if it does not exist in this scope."""
        found = self._by_id.get(flow_log_id)
        return found if found is not None and found.scope == scope else None

    def add(self, flow_log: FlowLog) -> None:
        """Add a flow log."""
        self._by_id[flow_log.flow_log_id] = flow_log

    def remove(self, flow_log: FlowLog) -> None:
        """Remove a flow log."""
        del self._by_id[flow_log.flow_log_id]
