"""The emulator's own pages: health, state as JSON, and metrics.

`/_localstack/health` has LocalStack's format. `/_vpcflow/streams` lists all streams with their shards: depth,
rates, readers and their lag. `/metrics` has the same for Prometheus. Other modules add pages by path
(`/_vpcflow/limits`, `/_vpcflow/faults`). No counters are kept for this: rates are computed from the arrival
times of retained records.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING

import orjson

from emulator.http.messages import Incoming, Outgoing
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store

if TYPE_CHECKING:
    from prometheus_client.core import Metric

RATE_OVER_MS = 10_000

Page = Callable[[Incoming], Outgoing | Awaitable[Outgoing]]
Calls = Callable[[], Mapping[tuple[str, int], int]]
"""Returns the number of answered calls, by operation and status."""


class Inspection:
    """The handler of the pages. `pages` adds handlers by path."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        calls: Calls,
        *,
        health: Callable[[], Mapping[str, object]] | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        self._store, self._clock, self._calls = store, clock, calls
        self._health_of = health or _health
        self._pages: dict[str, Page] = {
            "/_localstack/health": self._health,
            "/_vpcflow/streams": self._streams,
            "/metrics": self._metrics,
            **(pages or {}),
        }

    async def __call__(self, incoming: Incoming) -> Outgoing:
        """Answer a request for one of the pages."""
        page = self._pages.get(incoming.target.partition("?")[0].rstrip("/"))
        if page is None:
            return as_json({"message": "No such page.", "pages": sorted(self._pages)}, 404)
        if incoming.method not in {"GET", "HEAD"} and not _is_local_name(incoming.headers.get("host", "")):
            message = "Changes are allowed only with an IP address or a local name as the host."
            return as_json({"message": message}, 403)
        answer = page(incoming)
        return answer if isinstance(answer, Outgoing) else await answer

    def _health(self, incoming: Incoming) -> Outgoing:
        return as_json(self._health_of()) if incoming.method in {"GET", "HEAD"} else _not_allowed("GET")

    def _streams(self, incoming: Incoming) -> Outgoing:
        if incoming.method not in {"GET", "HEAD"}:
            return _not_allowed("GET")
        store, now_ms = self._store, self._clock()
        return as_json(
            {
                "retained_bytes": store.retained_bytes,
                "memory_cap_bytes": store.limits.memory_cap_bytes,
                "trimmed_by_cap": {"records": store.capped.records, "bytes": store.capped.bytes},
                "streams": [_stream(stream, now_ms) for stream in store.all_streams(now_ms)],
            }
        )

    def _metrics(self, incoming: Incoming) -> Outgoing:
        if incoming.method not in {"GET", "HEAD"}:
            return _not_allowed("GET")
        # Loaded with the first request, because it takes a tenth of a second.
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry()
        registry.register(self)
        return Outgoing(200, {"Content-Type": CONTENT_TYPE_LATEST}, generate_latest(registry))

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics of the store (called by `prometheus_client`)."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        by_shard = ["stream", "region", "account", "shard"]
        records = GaugeMetricFamily("vpcflow_emulator_retained_records", "Records held.", labels=by_shard)
        held = GaugeMetricFamily("vpcflow_emulator_retained_bytes", "Bytes held.", labels=by_shard)
        put = CounterMetricFamily("vpcflow_emulator_put_records", "Records put.", labels=by_shard)
        now_ms = self._clock()
        for stream in self._store.all_streams(now_ms):
            for shard in stream.shards:
                labels = [stream.name, stream.scope.region, stream.scope.account, shard.shard_id]
                records.add_metric(labels, shard.record_count)
                held.add_metric(labels, shard.retained_bytes)
                put.add_metric(labels, shard.next_index - 1)
        yield from (records, held, put)
        capped = CounterMetricFamily("vpcflow_emulator_capped_records", "Records deleted by the memory cap.")
        capped.add_metric([], self._store.capped.records)
        yield capped
        calls = CounterMetricFamily(
            "vpcflow_emulator_calls", "Calls answered.", labels=["operation", "status"]
        )
        for (operation, status), count in sorted(self._calls().items()):
            calls.add_metric([operation, str(status)], count)
        yield calls


def as_json(value: object, status: int = 200) -> Outgoing:
    """Return a JSON response."""
    return Outgoing(status, {"Content-Type": "application/json"}, orjson.dumps(value))


def _is_local_name(host: str) -> bool:
    """Return True if a host is an IP address, a name without a domain, or below `localhost`.

    With DNS rebinding, another site can make its own domain resolve to this server, but not such a name.
    """
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    is_address = re.fullmatch(r"\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+", name) is not None
    return is_address or "." not in name or name.endswith(".localhost")


def _not_allowed(allowed: str) -> Outgoing:
    return Outgoing(405, {"Allow": allowed, "Content-Type": "text/plain"}, b"This page can be read only.\n")


def _stream(stream: Stream, now_ms: int) -> dict[str, object]:
    return {
        "name": stream.name,
        "arn": stream.arn,
        "status": stream.status(now_ms),
        "shards": [_shard(shard, now_ms) for shard in stream.shards],
    }


def _shard(shard: Shard, now_ms: int) -> dict[str, object]:
    records, payload_bytes = shard.since(now_ms - RATE_OVER_MS)
    read = shard.last_read
    return {
        "shard_id": shard.shard_id,
        "is_open": shard.ended_ms is None,
        "records": shard.record_count,
        "bytes": shard.retained_bytes,
        "trimmed": shard.trimmed_records,
        "put": shard.next_index - 1,
        "put_records_per_s": records * 1000 / RATE_OVER_MS,
        "put_bytes_per_s": payload_bytes * 1000 / RATE_OVER_MS,
        "iterator_age_ms": None if read is None else read.millis_behind_latest,
        "last_read_ms_ago": None if read is None else max(0, now_ms - read.at_ms),
        "consumers": [
            {
                "consumer_arn": arn,
                "is_subscribed": subscription.is_alive(now_ms),
                "started_ms_ago": max(0, now_ms - subscription.started_ms),
                "millis_behind_latest": subscription.millis_behind_latest,
            }
            for arn, subscription in shard.subscriptions.items()
        ],
    }


def _health() -> Mapping[str, object]:
    return {"services": {"kinesis": "running"}, "edition": "community", "version": version()}


def version() -> str:
    """Return the version of the installed distribution, or `checkout`."""
    try:
        return metadata.version("vpc-flow-streams")
    except metadata.PackageNotFoundError:
        return "checkout"
