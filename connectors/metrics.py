"""The Prometheus metrics of the connectors, with their descriptions."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("vpcflow_kinesis_calls_total", "Calls to Kinesis", ["operation", "outcome"])
BEHIND = Gauge("vpcflow_kinesis_behind_seconds", "MillisBehindLatest of the last answer", ["stream", "shard"])
HEALTH = Counter("vpcflow_data_health_total", "Findings about the data (topic health), by kind", ["kind"])
DELAY = Histogram(
    "vpcflow_arrival_delay_seconds",
    "Arrival at the source minus the end of the flow, one sample a block",
    ["source"],
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 21600),
)
RECORDS = Counter("vpcflow_connect_records_total", "Records, by their outcome", ["outcome"])
BYTES = Counter("vpcflow_connect_bytes_total", "Bytes of lines committed")
REQUESTS = Counter("vpcflow_firehose_requests_total", "Requests of Firehose, by their outcome", ["outcome"])
REQUEST_BYTES = Counter("vpcflow_firehose_request_bytes_total", "Bytes of bodies of requests, as they came")
IGNORED = Counter("vpcflow_firehose_ignored_total", "Headers and attributes that were ignored", ["name"])
FIREHOSE_LATENESS = Histogram(
    "vpcflow_firehose_lateness_seconds",
    "Event time by which the oldest line of a request is behind the newest line of all requests before it",
    buckets=(30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 21600, 86400),
)
COMMIT_SECONDS = Histogram("vpcflow_connect_commit_seconds", "Seconds of a slot's transaction")
S3_CALLS = Counter(
    "vpcflow_s3_calls_total", "Calls to S3, SQS and, for exports, CloudWatch Logs", ["operation", "outcome"]
)
S3_OBJECTS = Counter("vpcflow_s3_objects_total", "Objects, by how they ended", ["outcome"])
S3_MESSAGES = Counter("vpcflow_s3_messages_total", "Messages of the queue, by what they were", ["outcome"])
S3_LINES = Counter("vpcflow_s3_lines_total", "Lines of objects committed")
S3_BEHIND = Gauge("vpcflow_s3_behind_seconds", "Age of the newest object committed, by its LastModified")
S3_IGNORED = Gauge(
    "vpcflow_s3_ignored_objects",
    "Objects that are not flow logs, and are not read: in the folders of the last listing, and up to 1,000 in"
    " each folder beside them",
    ["bucket"],
)
S3_LEFT = Counter(
    "vpcflow_s3_left_messages_total",
    "Messages that stay in the queue, each once: for another reader (foreign), in part for another reader"
    " (mixed), or not understood",
    ["reason"],
)
INVENTORY_CALLS = Counter(
    "vpcflow_inventory_calls_total", "Calls to AWS, each page counted, by action", ["action", "outcome"]
)
INVENTORY_DENIED = Counter("vpcflow_inventory_denied_total", "Calls that AWS denied, by action", ["action"])
INVENTORY_AGE = Gauge(
    "vpcflow_inventory_age_seconds", "Age of the last reading without a refused call", ["account", "region"]
)
INVENTORY_INTERFACES = Gauge("vpcflow_inventory_interfaces", "Open interfaces", ["account", "region"])
INVENTORY_ROWS = Counter("vpcflow_inventory_rows_total", "Rows written, by kind", ["kind"])
INVENTORY_FOREIGN = Counter("vpcflow_inventory_foreign_total", "Messages of the topic that are no rows")
