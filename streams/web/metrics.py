"""The Prometheus metrics of `vpcflow serve`, computed from the board at each request.

No label is unbounded: no label is an ENI, and the board limits the number of reasons of `dead`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from streams.web.live import Live
from streams.web.state.board import Board

LINK_STATES = ("connecting", "waiting", "live", "reconnecting")


class BoardMetrics(Collector):
    """The metrics of the board and of the live streams."""

    def __init__(self, board: Board, live: Live, clock: Callable[[], float]) -> None:
        self._board = board
        self._live = live
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._counters()
        yield from self._gauges()
        yield from self._slots()
        latencies = self._board.latencies
        buckets = [(str(bound), float(count)) for bound, count in latencies.octaves()]
        buckets.append(("+Inf", float(latencies.count)))
        yield HistogramMetricFamily(
            "vpcflow_end_to_end_seconds",
            "Delay from the arrival at the source until the aggregate is on the page.",
            buckets=buckets,
            sum_value=latencies.sum_ms / 1000,
        )

    def _counters(self) -> Iterator[Metric]:
        board = self._board
        yield _counter("vpcflow_page_messages", "Messages read.", "topic", board.messages)
        yield _counter("vpcflow_page_foreign", "Messages in an unknown format.", "topic", board.foreign)
        yield _counter("vpcflow_page_refused", "Refused rows or records, by reason.", "why", board.dead)
        yield _counter(
            "vpcflow_page_data_health", "Data health messages of the connectors.", "kind", board.found
        )
        history = board.history
        outcomes = {
            "superseded": history.superseded, "aged": history.aged, "far_ahead": history.ahead_dropped,
        }  # fmt: skip
        yield _counter("vpcflow_page_ignored", "Aggregates that changed nothing.", "because", outcomes)
        yield CounterMetricFamily(
            "vpcflow_page_departures", "Streams whose client disconnected.", value=self._live.departed
        )

    def _gauges(self) -> Iterator[Metric]:
        board = self._board
        firing = Counter(alert.rule for alert in board.alerts() if alert.status == "firing")
        states = {state: int(board.link.state == state) for state in LINK_STATES}
        yield _gauge("vpcflow_build_info", "Always 1.", "version", {_version(): 1})
        yield _gauge("vpcflow_alerts_firing", "Alerts that fire now.", "rule", firing)
        yield _gauge("vpcflow_page_link", "1 for the state of the link to Kafka.", "state", states)
        for name, what, value in (
            ("clients", "Open live streams.", self._live.clients),
            ("windows", "Windows held.", len(board.history)),
            ("enis", "ENIs named by the windows held.", board.history.enis),
            (
                "behind_messages",
                "Messages between the page and the ends of the topics.",
                board.behind_messages,
            ),
            ("windows_ahead", "Hidden windows, far ahead of the others.", board.history.ahead),
            ("lag_seconds", "Delay from arrival to the page, for the newest message.", board.lag_s),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"vpcflow_page_{name}", what, value=value)

    def _slots(self) -> Iterator[Metric]:
        progress, now = self._board.progress, self._clock()
        slots = range(progress.count)
        yield _gauge(
            "vpcflow_watermark_hold_seconds",
            "Event time between the watermark of the slot and the newest line; +Inf: not read yet.",
            "slot",
            {str(slot): progress.hold_s(slot) for slot in slots},
        )
        yield _gauge(
            "vpcflow_slot_report_age_seconds",
            "Age of the newest report of the slot's connector; +Inf: no report yet.",
            "slot",
            {str(slot): progress.report_age_s(slot, now) for slot in slots},
        )


def registry(board: Board, live: Live, clock: Callable[[], float]) -> CollectorRegistry:
    """Return a new registry, so that two pages in one process have separate metrics."""
    own = CollectorRegistry(auto_describe=False)
    own.register(BoardMetrics(board, live, clock))
    return own


def _counter(name: str, what: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, what, labels=[label])
    for value in sorted(values):
        family.add_metric([value], values[value])
    return family


def _gauge(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value in sorted(values):
        family.add_metric([value], values[value])
    return family


def _version() -> str:
    try:
        return version("vpc-flow-streams")
    except PackageNotFoundError:
        return "checkout"  # run from a checkout without an installation
