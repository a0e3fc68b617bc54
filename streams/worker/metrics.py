"""The Prometheus metrics of the worker. No label is unbounded."""

from __future__ import annotations

import polars as pl
from prometheus_client import Counter, Gauge

from streams.records import LOG_ACTIONS
from streams.sums.accumulator import LineCounts
from streams.sums.lines import ACTIONS
from streams.windows.flushed import Flushed

RECORDS = Counter("vpcflow_records_total", "Flow-log lines and sums by outcome", ["stage"])
REWINDS = Counter("vpcflow_rewinds_total", "Gaps in message numbers that were read again", ["topic"])
STALE = Counter("vpcflow_stale_events_total", "Dropped events of an older group generation", ["topic"])
LOST = Counter(
    "vpcflow_lost_messages_total", "Messages deleted by retention before they were read", ["topic"]
)
LOST_COUNT = Counter(
    "vpcflow_lost_total", "Lines, flows or rows deleted by retention before they were read", ["what"]
)
LOG_STATUS = Counter("vpcflow_log_status_lines_total", "Lines of NODATA and SKIPDATA", ["log_status"])
FLUSHES = Counter("vpcflow_flushes_total", "Committed transactions of each hop, by its input", ["topic"])
SLOTS_OPEN = Gauge("vpcflow_slots_open", "Slots that this worker owns")


def count_lines(counts: LineCounts) -> None:
    """Count the lines of one committed flush of `sum`."""
    RECORDS.labels("parsed").inc(counts.understood)
    RECORDS.labels("refused").inc(counts.refused)
    RECORDS.labels("nothing").inc(counts.nothing)


def count_log_status(rows: pl.DataFrame) -> None:
    """Count the lines with log-status NODATA and SKIPDATA."""
    actions, flows = rows["action"].to_numpy(), rows["flows"].to_numpy()
    for name in LOG_ACTIONS:
        LOG_STATUS.labels(name).inc(int(flows[actions == ACTIONS.index(name)].sum()))


def count_merged(flushed: Flushed) -> None:
    """Count the aggregates and late flows of one committed flush of `merge`."""
    RECORDS.labels("emitted").inc(len(flushed.published))
    RECORDS.labels("late").inc(sum(row[4] for row in flushed.late))
