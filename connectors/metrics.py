"""What the connector counts; the list is a document (dashboard.md 5)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CALLS = Counter("vpcflow_kinesis_calls_total", "Calls to Kinesis", ["operation", "outcome"])
BEHIND = Gauge("vpcflow_kinesis_behind_seconds", "MillisBehindLatest of the last answer", ["shard"])
RECORDS = Counter("vpcflow_connect_records_total", "Records, by what became of them", ["outcome"])
BYTES = Counter("vpcflow_connect_bytes_total", "Bytes of lines committed")
