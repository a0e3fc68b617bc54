"""`vpcflow notify`: reads the `alerts` topic and delivers alerts to the sinks.

Each sink has a consumer group of its own, `<prefix><group>-<sink>`, so it has its own position in the topic:
a dead webhook does not hold back another sink, and two prefixes on one Kafka do not share a group. A group
without a committed offset is new: it reads its partition up to the end, delivers the alerts that fire now,
and commits. Offsets are committed after delivery, so each alert is delivered at least once. A receiver that
is down is tried until it is back, in order; one that refuses an alert is counted, logged and left behind.

A lost broker is aiokafka's to find again; it logs while it tries. Repeating an alert that goes on firing is
left to the receiver: what comes here is transitions.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import groupby

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError

from connectors.kafka.topics import METADATA_AGE_MS
from streams.alerts.firing import FiringNow
from streams.alerts.sinks import NOTIFICATIONS, LogSink, Sink, SinkRefused, SinkUnavailable, Sleep
from streams.records import Alert, decode_alert, has_fired

TOPIC = "alerts"
BATCH_ALERTS = 100
POLL_MS = 1_000
NEXT_ROUND_S = 60.0  # between rounds of tries at a receiver that is down
# A consumer that waits for its receiver is not stuck: its heartbeats say whether the process is alive, and
# leaving the group would only bring the same alerts again.
POLL_INTERVAL_MAX_MS = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


class NotifyError(RuntimeError):
    """Notifying cannot start; the message says why, in one sentence."""


async def run(*, kafka: str, prefix: str, sinks: Sequence[Sink], group: str = "notify") -> None:
    """Deliver alerts to the log and to every sink until SIGTERM or SIGINT. Raises `NotifyError`."""
    everyone: list[Sink] = [LogSink(), *(sink for sink in sinks if sink.name != LogSink.name)]
    if len({sink.name for sink in everyone}) < len(everyone):
        raise NotifyError("two sinks have the same name: give each webhook its own")
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(_stop_signals())
        feeds: list[tuple[Delivery, AIOKafkaConsumer]] = []
        for sink in everyone:
            delivery = Delivery(sink)
            opened = _consumer(kafka, prefix + TOPIC, f"{prefix}{group}-{sink.name}", delivery)
            feeds.append((delivery, await stack.enter_async_context(opened)))
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(delivery.run(consumer)) for delivery, consumer in feeds]
            log.info("notifying", topic=prefix + TOPIC, sinks=[sink.name for sink in everyone])
            await stop.wait()
            for task in running:
                task.cancel()  # What is being delivered is not committed, and comes again at the next start.


async def deliver(sink: Sink, alerts: Sequence[Alert], sleep: Sleep = asyncio.sleep) -> None:
    """Deliver alerts in order, and return when each is delivered or refused.

    The log gets every transition; the others only those of alerts that fired. Alerts go out in groups of
    one rule and one status, since receivers act on the status of the whole body.
    """
    wanted = [alert for alert in alerts if sink.name == LogSink.name or has_fired(alert)]
    for _, alike in groupby(wanted, key=lambda alert: (alert.rule, alert.status)):
        await _deliver_alike(sink, list(alike), sleep)


async def _deliver_alike(sink: Sink, alerts: Sequence[Alert], sleep: Sleep) -> None:
    while (failure := await _failure(sink, alerts)) is not None:
        refused = isinstance(failure, SinkRefused)
        NOTIFICATIONS.labels(sink.name, "refused" if refused else "unavailable").inc(len(alerts))
        # Without a traceback: it could show the URL, and a URL may carry a token.
        event = "notification refused" if refused else "notification held back"
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


class Delivery(ConsumerRebalanceListener):  # type: ignore[misc]
    """The delivery of the topic to one sink. `_starting` are the partitions in which its group is new."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._starting: dict[TopicPartition, FiringNow] = {}
        self._known: set[TopicPartition] = set()

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Deliver until cancelled."""
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_ALERTS)
            for place in consumer.assignment() - self._known:
                await self._begin(consumer, place)
            for place, records in fetched.items():
                if place in self._starting:
                    self._learn(self._starting[place], records)
                elif place in self._known:  # else it was revoked, and its new owner delivers
                    await deliver(self._sink, _alerts_in(self._sink.name, records))
                    await _commit(self._sink.name, consumer, place, records[-1].offset + 1)
            for place, start in list(self._starting.items()):
                if place in consumer.assignment() and await consumer.position(place) >= start.end:
                    await self._finish(consumer, place, start)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Forget the partitions: after the rebalance each is looked at again."""
        self._starting.clear()
        self._known.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Do nothing: `run` looks at what is assigned."""

    async def _begin(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        """Read a partition from its beginning if the group is new in it, or the topic is."""
        committed = await consumer.committed(place)
        end = (await consumer.end_offsets([place]))[place]
        if committed is None or committed > end:
            self._starting[place] = FiringNow(end)
        self._known.add(place)

    def _learn(self, start: FiringNow, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            alert = _alert_in(self._sink.name, record) if record.value is not None else None
            start.take(record.key or b"", alert)

    async def _finish(self, consumer: AIOKafkaConsumer, place: TopicPartition, start: FiringNow) -> None:
        alerts = start.alerts()
        if alerts:
            log.info("delivering the alerts that fire now", sink=self._sink.name, alerts=_names(alerts))
        position = await consumer.position(place)
        for first in range(0, len(alerts), BATCH_ALERTS):
            await deliver(self._sink, alerts[first : first + BATCH_ALERTS])
        await _commit(self._sink.name, consumer, place, position)
        self._starting.pop(place, None)


def _alerts_in(sink: str, records: Sequence[ConsumerRecord]) -> list[Alert]:
    """Read the alerts; a tombstone of the compacted topic says nothing to anybody."""
    read = [_alert_in(sink, record) for record in records if record.value is not None]
    return [alert for alert in read if alert is not None]


def _alert_in(sink: str, record: ConsumerRecord) -> Alert | None:
    try:
        return decode_alert(record.value)
    except (ValueError, TypeError) as error:
        why = str(error)
    NOTIFICATIONS.labels(sink, "unreadable").inc()
    where = f"{record.topic}/{record.partition}@{record.offset}"
    log.error("alert unreadable", sink=sink, where=where, why=why)
    return None


async def _commit(sink: str, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
    try:
        await consumer.commit({place: offset})
    except (CommitFailedError, IllegalStateError) as error:
        # The group rebalanced meanwhile: the new owner delivers these again.
        NOTIFICATIONS.labels(sink, "uncommitted").inc()
        log.warning("delivered but not committed", sink=sink, place=str(place), why=str(error))


@asynccontextmanager
async def _consumer(
    kafka: str, topic: str, group: str, listener: ConsumerRebalanceListener
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
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
                f"no Kafka answers at {kafka}: start one, or set VPCFLOW_KAFKA to its host:port"
            ) from error
        # Asked for before subscribing: subscribing to a topic that is missing could make the broker create
        # it with settings of its own.
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
