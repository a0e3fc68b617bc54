"""A flow log: what was asked for, and how its delivery goes. All of them, by account and region. Pure."""

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
    """How files in S3 are written."""

    file_format: Literal["plain-text", "parquet"] = "plain-text"
    hive_compatible_partitions: bool = False
    per_hour_partition: bool = False


@dataclass(frozen=True, slots=True)
class TagFields:
    """The tag keys whose values stand in records of version 11, for one type of resource."""

    resource_type: str
    tag_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What `CreateFlowLogs` asked for; it never changes. `fields` is `log_format`, read."""

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
        """`ACCEPT`, `REJECT` or `ALL`, in capitals whatever the request had."""
        return self.traffic_type.upper()

    @property
    def is_default_format(self) -> bool:
        """Whether the format is the one that a flow log has when none was chosen."""
        return self.fields == DEFAULT_FORMAT

    @property
    def bucket(self) -> str:
        """The bucket's name, for S3."""
        return self.log_destination.split(":", 5)[5].partition("/")[0]

    @property
    def folder(self) -> str:
        """The folder in the bucket, without slashes at its ends; mostly there is none."""
        return self.log_destination.split(":", 5)[5].partition("/")[2].strip("/")

    @property
    def stream_name(self) -> str:
        """The delivery stream's name, for Firehose."""
        return self.log_destination.split(":", 5)[5].partition("/")[2]

    def destination_scope(self, own: Scope) -> Scope:
        """Return the account and region of the destination, as its ARN has them."""
        parts = self.log_destination.split(":")
        return Scope(parts[4] or own.account, parts[3] or own.region) if len(parts) > 4 else own


@dataclass(slots=True)
class Delivered:
    """How much was delivered, by how many calls, how much was not, and the last lines."""

    calls: int = 0
    lines: int = 0
    lost: int = 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


@dataclass(slots=True)
class FlowLog:
    """One flow log. `error` is empty while delivery succeeds; `reason` says more than AWS would."""

    flow_log_id: str
    scope: Scope
    resource_id: str
    settings: Settings
    created_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    error: str = ""
    reason: str = ""
    is_deleted: bool = False
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def status(self) -> str:
        """`SUCCESS` or `FAILED`."""
        return "FAILED" if self.error else "SUCCESS"

    def values(self, filter_name: str) -> list[str] | None:
        """Return what a filter of `DescribeFlowLogs` compares; None for a filter that there is not."""
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
        """Return an account's flow logs in a region."""
        return [one for one in self._by_id.values() if one.scope == scope]

    def get(self, scope: Scope, flow_log_id: str) -> FlowLog | None:
        """Return one, or None."""
        found = self._by_id.get(flow_log_id)
        return found if found is not None and found.scope == scope else None

    def add(self, flow_log: FlowLog) -> None:
        """Take a new one in."""
        self._by_id[flow_log.flow_log_id] = flow_log

    def remove(self, flow_log: FlowLog) -> None:
        """Forget one; deliveries under way see that it is deleted."""
        flow_log.is_deleted = True
        del self._by_id[flow_log.flow_log_id]
