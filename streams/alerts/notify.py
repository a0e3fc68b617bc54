"""`vpcflow notify`: reads the `alerts` topic and tells the sinks.

Each sink is its own consumer group, `<group>-<sink>`, so it has its own place in the topic: a dead webhook
holds back nobody else, and a sink added later starts with what the topic still holds. Offsets are committed
after delivery, so each alert is delivered at least once. A receiver that is down is tried until it is back,
in order; one that refuses an alert is counted, logged and left behind.

A lost broker is aiokafka's to find again; it logs while it tries. Repeating an alert that goes on firing is
left to the receiver: what comes here is transitions.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import groupby

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError

from connectors.topics import METADATA_AGE_MS
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
        feeds: list[tuple[Sink, AIOKafkaConsumer]] = []
        for sink in everyone:
            opened = _consumer(kafka, prefix + TOPIC, f"{group}-{sink.name}")
            feeds.append((sink, await stack.enter_async_context(opened)))
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_feed(sink, consumer)) for sink, consumer in feeds]
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


async def _feed(sink: Sink, consumer: AIOKafkaConsumer) -> None:
    while True:
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_ALERTS)
        for place, records in fetched.items():
            await deliver(sink, _alerts_in(sink.name, records))
            await _commit(sink.name, consumer, place, records[-1].offset + 1)


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
async def _consumer(kafka: str, topic: str, group: str) -> AsyncIterator[AIOKafkaConsumer]:
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
        consumer.subscribe([topic])
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
