"""The delivery of alerts from the topic `alerts` to the sinks: `vpcflow notify`.

Each sink has its own consumer group, `<prefix><group>-<sink>`, and therefore its own position: an unavailable
webhook does not delay another sink, and two prefixes on one Kafka do not share a group. A group without a
committed offset is new: it reads its partition to the end, delivers the alerts that fire now, and commits.
Offsets are committed after the delivery, so each alert is delivered at least once. If a receiver is
unavailable, the delivery is retried in order until it succeeds. If a receiver refuses an alert, the refusal
is counted and logged, and the delivery continues with the next alert.

aiokafka reconnects to a lost broker and logs its attempts. The sinks receive transitions only; the receiver
repeats notifications of a firing alert if it needs to.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import groupby

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, KafkaError

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.kafka.recovery import Recovery
from connectors.kafka.topics import METADATA_AGE_MS
from streams.alerts.firing import FiringNow
from streams.alerts.sinks import NOTIFICATIONS, LogSink, Sink, SinkRefused, SinkUnavailable, Sleep
from streams.records import Alert, decode_alert, has_fired

TOPIC = "alerts"
BATCH_ALERTS = 100
POLL_MS = 1_000
NEXT_ROUND_S = 60.0  # between rounds of retries to an unavailable receiver
# A consumer that waits for its receiver is not stuck. Its heartbeats show that the process is alive, and a
# rebalance would only deliver the same alerts again.
POLL_INTERVAL_MAX_MS = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


class NotifyError(RuntimeError):
    """`vpcflow notify` cannot start; the message is one sentence with the remedy."""


async def run(*, kafka: KafkaConnection, prefix: str, sinks: Sequence[Sink], group: str = "notify") -> None:
    """Deliver alerts to the log and to every sink until SIGTERM or SIGINT.

    Raises `NotifyError` and `MissingAcl`.
    """
    all_sinks: list[Sink] = [LogSink(), *(sink for sink in sinks if sink.name != LogSink.name)]
    if len({sink.name for sink in all_sinks}) < len(all_sinks):
        raise NotifyError("two sinks have the same name: use a different name for each webhook")
    async with AsyncExitStack() as stack:
        groups = [f"{prefix}{group}-{sink.name}" for sink in all_sinks]
        stack.enter_context(naming_missing_acls(kafka, [prefix + TOPIC], groups))
        stop = stack.enter_context(_stop_signals())
        feeds: list[tuple[SinkDelivery, AIOKafkaConsumer]] = []
        for sink in all_sinks:
            delivery = SinkDelivery(sink)
            opened = _consumer(kafka, prefix + TOPIC, f"{prefix}{group}-{sink.name}", delivery)
            feeds.append((delivery, await stack.enter_async_context(opened)))
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_keep_delivering(*feed)) for feed in feeds]
            log.info("delivering alerts", topic=prefix + TOPIC, sinks=[sink.name for sink in all_sinks])
            await stop.wait()
            for task in running:
                task.cancel()  # An unfinished delivery is not committed, and is repeated at the next start.


async def deliver(sink: Sink, alerts: Sequence[Alert], sleep: Sleep = asyncio.sleep) -> None:
    """Deliver alerts in order; return when each is delivered or refused.

    The log receives every transition, other sinks only the transitions of alerts that fired. A delivery
    contains alerts of one rule and one status, because receivers act on the status of the whole body.
    """
    deliverable = [alert for alert in alerts if sink.name == LogSink.name or has_fired(alert)]
    for _, group in groupby(deliverable, key=lambda alert: (alert.rule, alert.status)):
        await _deliver_group(sink, list(group), sleep)


async def _deliver_group(sink: Sink, alerts: Sequence[Alert], sleep: Sleep) -> None:
    while (failure := await _failure(sink, alerts)) is not None:
        refused = isinstance(failure, SinkRefused)
        NOTIFICATIONS.labels(sink.name, "refused" if refused else "unavailable").inc(len(alerts))
        # No traceback, because it can contain the URL, and a URL can contain a token.
        event = "notification refused" if refused else "notification postponed"
        log.error(event, sink=sink.name, why=str(failure), alerts=_names(alerts))
        if refused:
            return
        await sleep(NEXT_ROUND_S)
    NOTIFICATIONS.labels(sink.name, "sent").inc(len(alerts))


async def _failure(sink: Sink, alerts: Sequence[Alert]) -> SinkRefused | SinkUnavailable | None:
    try:
        await sink.send(alerts)
    except (SinkRefused, SinkUnavailable) as error:
        return error
    return None


def _names(alerts: Sequence[Alert]) -> list[str]:
    return [f"{alert.rule} {alert.fingerprint} {alert.status}" for alert in alerts]


class SinkDelivery(ConsumerRebalanceListener):  # type: ignore[misc]
    """The delivery to one sink. `_starting` holds the partitions in which its consumer group is new."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._starting: dict[TopicPartition, FiringNow] = {}
        self._known: set[TopicPartition] = set()
        self._was_interrupted = False
        self.recovery = Recovery()

    def interrupt(self) -> None:
        """Make `run` begin again at the committed offsets."""
        self._was_interrupted = True

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Deliver until cancelled. Raises aiokafka's errors."""
        while True:
            if self._was_interrupted:
                await self._return_to_committed(consumer)
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_ALERTS)
            for partition in consumer.assignment() - self._known:
                await self._begin(consumer, partition)
            self.recovery.opened(time.monotonic())
            for partition, records in fetched.items():
                if partition in self._starting:
                    self._apply_history(self._starting[partition], records)
                elif partition in self._known:  # else it was revoked, and its new owner delivers
                    await deliver(self._sink, _alerts_in(self._sink.name, records))
                    await _commit(self._sink.name, consumer, partition, records[-1].offset + 1)
            for partition, start in list(self._starting.items()):
                if partition in consumer.assignment() and await consumer.position(partition) >= start.end:
                    await self._finish(consumer, partition, start)

    async def _return_to_committed(self, consumer: AIOKafkaConsumer) -> None:
        """Read each partition again from its committed offset: the alerts after it were not all delivered."""
        for partition in consumer.assignment():
            committed = await consumer.committed(partition)
            if committed is None:
                await consumer.seek_to_beginning(partition)
            else:
                consumer.seek(partition, committed)
        self._starting.clear()
        self._known.clear()
        self._was_interrupted = False

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Forget all partitions; `run` begins the assigned ones again after the rebalance."""
        self._starting.clear()
        self._known.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Do nothing; `run` checks the assignment."""

    async def _begin(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Mark a partition as starting if the group has no committed offset, or the topic was recreated."""
        committed = await consumer.committed(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        if committed is None or committed > end:
            self._starting[partition] = FiringNow(end)
        self._known.add(partition)

    def _apply_history(self, start: FiringNow, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            alert = _alert_in(self._sink.name, record) if record.value is not None else None
            start.take(record.key or b"", alert)

    async def _finish(self, consumer: AIOKafkaConsumer, partition: TopicPartition, start: FiringNow) -> None:
        alerts = start.alerts()
        if alerts:
            log.info("delivering firing alerts to a new sink", sink=self._sink.name, alerts=_names(alerts))
        position = await consumer.position(partition)
        for first in range(0, len(alerts), BATCH_ALERTS):
            await deliver(self._sink, alerts[first : first + BATCH_ALERTS])
        await _commit(self._sink.name, consumer, partition, position)
        self._starting.pop(partition, None)


async def _keep_delivering(delivery: SinkDelivery, consumer: AIOKafkaConsumer) -> None:
    """Deliver until cancelled, also after a fail-over of brokers or a rebalance. Raises all other errors."""
    while True:
        try:
            await delivery.run(consumer)
        except KafkaError as error:
            if (pause_s := delivery.recovery.pause_s(error, time.monotonic())) is None:
                raise
            log.warning("alerts are read again", error=repr(error), pause_s=pause_s)
            delivery.interrupt()
            await asyncio.sleep(pause_s)


def _alerts_in(sink: str, records: Sequence[ConsumerRecord]) -> list[Alert]:
    """Return the alerts of some messages; a tombstone has none."""
    found = [_alert_in(sink, record) for record in records if record.value is not None]
    return [alert for alert in found if alert is not None]


def _alert_in(sink: str, record: ConsumerRecord) -> Alert | None:
    try:
        return decode_alert(record.value)
    except (ValueError, TypeError) as error:
        why = str(error)
    NOTIFICATIONS.labels(sink, "unreadable").inc()
    where = f"{record.topic}/{record.partition}@{record.offset}"
    log.error("unreadable alert", sink=sink, where=where, why=why)
    return None


async def _commit(sink: str, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        await consumer.commit({partition: offset})
    except (CommitFailedError, IllegalStateError) as error:
        # The group rebalanced in the meantime: the new owner delivers these alerts again.
        NOTIFICATIONS.labels(sink, "uncommitted").inc()
        log.warning("delivered but not committed", sink=sink, partition=str(partition), why=str(error))


@asynccontextmanager
async def _consumer(
    kafka: KafkaConnection, topic: str, group: str, listener: ConsumerRebalanceListener
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = factory.consumer(
        kafka,
        group_id=group,
        metadata_max_age_ms=METADATA_AGE_MS,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
    )
    try:
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            raise NotifyError(
                f"no Kafka answers at {kafka.servers}: start one, or set VPCFLOW_KAFKA to its host:port"
            ) from error
        # A subscription to a missing topic can create it with the default settings of the broker.
        if topic not in await consumer.topics():
            raise NotifyError(
                f"topic {topic} does not exist: start `vpcflow work` first, or check the prefix"
            )
        consumer.subscribe([topic], listener=listener)
        yield consumer
    finally:
        await consumer.stop()


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
