"""The Prometheus metrics of `vpcflow archive`. No label is unbounded."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ROWS = Counter("vpcflow_archive_rows_total", "Final rows in published parts, by table", ["table"])
PARTS = Counter("vpcflow_archive_parts_total", "Parts, by table and outcome", ["table", "outcome"])
BYTES = Counter("vpcflow_archive_bytes_total", "Bytes of published parts")
FAILURES = Counter("vpcflow_archive_failures_total", "Operations on the archive that failed, and are retried")
REFUSED = Counter("vpcflow_archive_refused_messages_total", "Messages that are not of `merge`")
LOST = Counter("vpcflow_archive_lost_messages_total", "Messages deleted by retention before they were read")
BEHIND = Gauge("vpcflow_archive_behind_seconds", "Age of the oldest row that is not committed")
COMMIT_SECONDS = Histogram(
    "vpcflow_archive_commit_seconds",
    "Seconds from the start of a batch's files to their publication",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
