"""The Faust app: its settings and topics, and every deviation from standard Faust with its reason.

Faust provides agents, topics, the consumer group and its rebalancing. The hops keep their state, positions
and outputs in slots. These features gave wrong results on faust-streaming 0.15.3 and are not used: windowed
tables, `processing_guarantee`, Faust's own offset commits for these topics, exceptions inside an agent.
"""

from __future__ import annotations

from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import find
from connectors.kafka.clients.factory import security_options
from connectors.kafka.topics import METADATA_AGE_MS
from connectors.settings import Work
from streams.worker.delivery import DirectDelivery

log = structlog.get_logger()

BUFFERED_EVENTS = 16  # each may be a block of 1 MiB


class _App(faust.App):
    """Deviation: Faust creates folders for tables; there are none, and the folder may be read-only."""

    def _create_directories(self) -> None:
        pass


class _CommittedThread(driver.AIOKafkaConsumerThread):
    """Deviation: Faust uses `read_committed` with its own exactly-once only; slots need it without that."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def _commit(self, offsets: Any) -> bool:
        """Bent: only lag tools read the group's offsets, so an error of Kafka does not end the worker."""
        owned = self.assignment()
        places = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in owned
        }
        try:
            await self._ensure_consumer().commit(places)
        except KafkaError as error:
            log.warning("group offsets not committed", error=repr(error))
            return False
        return True


class _CommittedConsumer(DirectDelivery, driver.Consumer):
    def _new_consumer_thread(self) -> Any:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class _CommittedTransport(driver.Transport):
    Consumer = _CommittedConsumer


def make_app(settings: Work) -> faust.App:
    """Return the app, without agents. Nothing is opened."""
    options: dict[str, Any] = {}
    if settings.worker_id:
        # Static membership avoids a rebalance when a worker restarts within its session.
        options["consumer_group_instance_id"] = settings.worker_id
    app = _App(
        f"{settings.prefix}work",
        broker_credentials=_credentials(KafkaConnection.of(settings)),
        broker=f"kafka://{settings.kafka.replace(',', ';kafka://')}",
        web_enabled=False,  # `vpcflow serve` is another process.
        topic_partitions=settings.slots,
        topic_disable_leader=True,
        topic_allow_declare=False,  # `ensure_topics` creates and checks the topics.
        broker_commit_interval=30.0,  # Nothing is acknowledged, so there is nothing to commit.
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=min(1.0, settings.session_s / 4),
        broker_rebalance_timeout=max(6.0, settings.session_s),
        broker_max_poll_interval=300.0,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_AGE_MS,
        stream_buffer_maxsize=BUFFERED_EVENTS,
        **options,
    )
    app.transport = _CommittedTransport(app.conf.broker, app)
    return app


def _credentials(connection: KafkaConnection) -> Any:
    """Return the connection's security in Faust's form; Faust gives it to its consumer and its producer."""
    options = security_options(connection)
    context = options.get("ssl_context")
    if "sasl_oauth_token_provider" in options:
        return faust.auth.OAuthCredentials(oauth_cb=options["sasl_oauth_token_provider"], ssl_context=context)
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def refusal(app: faust.App) -> BaseException | None:
    """Return the authorization error that has ended Faust's consumer; None if there is none.

    Deviation: after such an error Faust reads nothing, and neither raises it nor ends.
    """
    consumer = getattr(getattr(app.consumer, "_thread", None), "_consumer", None)
    coordinator = getattr(consumer, "_coordinator", None)
    pending = getattr(coordinator, "_pending_exception", None)  # for aiokafka's `getmany`, which Faust avoids
    task = getattr(coordinator, "_coordination_task", None)
    ended = task.exception() if task is not None and task.done() and not task.cancelled() else None
    errors = (one for one in (app.crash_reason, pending, ended) if one is not None)
    return next((one for one in errors if find(one) is not None), None)


def declare_topic(app: faust.App, name: str) -> Any:
    """Declare the input of a hop: raw values, and no acknowledgements, because the slot has the position."""
    return app.topic(name, value_type=bytes, value_serializer="raw", acks=False)
