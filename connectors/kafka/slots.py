"""One partition of a state topic, and the only producer that may write it: the exactly-once rule of a hop.

`open` initialises the slot's transactional id, which fences the previous owner, and reads the state
back with a `read_committed` consumer up to the end. `commit` writes state and outputs in one transaction
and awaits every send before it commits, so that a lost send can never be committed around. After any
failure the slot is useless: close it, and open a new one. A slot also keeps the settings that its numbers
depend on (`contract`): it does not open for a process that has other ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, MutableMapping, Sequence
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from connectors.errors import ConnectError
from connectors.kafka.clients import factory
from connectors.kafka.clients.abandoned import abandon
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.kafka.clients.reading import committed_reader, read_to_end
from connectors.kafka.messages import FORMAT_HEADER, Message, check_format
from connectors.kafka.recovery import TransactionExpired, is_fence
from connectors.kafka.state_on_disk import StateOnDisk

log = structlog.get_logger()

TRANSACTION_TIMEOUT_MS = 15_000  # a dead owner's open transaction holds readers back this long at most
COMMIT_MAX_S = 60.0
"""Limit of a commit. The broker has aborted the transaction long before; aiokafka would wait for ever."""

REQUEST_MAX_BYTES = 8 << 20  # equal to the topics' max.message.bytes
BATCH_MAX_BYTES = 1 << 20
CLOSE_S = 3.0
CONTRACT_KEY = b"contract"
"""State key: the settings that the state depends on, JSON, setting name to value."""


class ContractError(ConnectError):
    """The state was written with other settings; the message names them and the remedy."""


class CommitTimeout(ConnectError, TimeoutError):
    """Kafka has not answered a commit; the message names the slot and what may be wrong."""


class SlotLost(RuntimeError):
    """The slot is closed, or another owner has opened it; uncommitted messages are discarded."""


class Slot:
    """A partition of a compacted topic, as a mapping of its latest values, with transactional writes.

    The values are in memory, or with `is_on_disk` in a file. `contract` maps the names of settings, such as
    `VPCFLOW_WINDOW_S`, to the values of this process.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        topic: str,
        partition: int,
        transactional_id: str,
        *,
        is_on_disk: bool = False,
        contract: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.topic = topic
        self.partition = partition
        self._kafka = kafka
        self._transactional_id = transactional_id
        self._contract, self._is_contract_kept = dict(contract), False
        self._producer: AIOKafkaProducer | None = None
        self._state: dict[bytes, bytes] | StateOnDisk = StateOnDisk() if is_on_disk else {}

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """The latest committed value of every key."""
        return MappingProxyType(self._state)

    async def open(self) -> None:
        """Fence the previous owner, then read the state back.

        Raises `ContractError`, `NewerFormat`, `MissingAcl`, and aiokafka's errors.
        """
        producer = factory.producer(
            self._kafka,
            transactional_id=self._transactional_id,
            acks="all",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=REQUEST_MAX_BYTES,
            max_batch_size=BATCH_MAX_BYTES,
        )
        try:
            with naming_missing_acls(self._kafka, transactional_id=self._transactional_id):
                await producer.start()
            self._state.clear()
            await _read_into(self._state, self._kafka, self.topic, self.partition)
            self._check_contract(self._state.pop(CONTRACT_KEY, None))
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    def _check_contract(self, kept: bytes | None) -> None:
        before: dict[str, int] = orjson.loads(kept) if kept else {}
        for name, value in before.items():
            if self._contract.get(name, value) != value:
                raise ContractError(
                    f"topic {self.topic} was written with {name}={value}, and this process has"
                    f" {name}={self._contract[name]}: set {name}={value}, or use another VPCFLOW_PREFIX"
                )
        self._contract = {**before, **self._contract}
        self._is_contract_kept = before == self._contract

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        """Write state (None deletes a key) and messages in one transaction.

        Raises aiokafka's `ProducerFenced` if another owner has opened the slot, `TransactionExpired` if Kafka
        gave the transaction up, aiokafka's other errors unchanged, `CommitTimeout` if Kafka does not answer,
        and `MissingAcl`; the slot must then be closed.
        """
        producer = self._producer
        if producer is None:
            raise SlotLost(f"{self._transactional_id} is not open")
        own = [Message(self.topic, self.partition, key, value) for key, value in state.items()]
        if not self._is_contract_kept:
            own.append(Message(self.topic, self.partition, CONTRACT_KEY, orjson.dumps(self._contract)))
        began = time.monotonic()
        # Not `producer.transaction()`: to leave it by an error or a cancellation waits for an abort, for ever
        # once the producer was stopped. An open transaction is aborted by the next owner's fence.
        try:
            async with asyncio.timeout(COMMIT_MAX_S):
                names = (message.topic for message in (*messages, *own))
                with naming_missing_acls(self._kafka, names, transactional_id=self._transactional_id):
                    await self._transact(producer, [*messages, *own])
        except KafkaError as error:
            # Kafka fences the producer of a transaction that it aborts after the time-out, too.
            took_s = time.monotonic() - began
            if took_s > TRANSACTION_TIMEOUT_MS / 1000 and is_fence(error):
                raise TransactionExpired(f"{self._transactional_id}: open for {took_s:.1f} s") from error
            raise
        except TimeoutError as error:
            raise CommitTimeout(
                f"Kafka has not committed {self._transactional_id} within {COMMIT_MAX_S:.0f} s: its brokers"
                f" cannot be reached, or topic {self.topic} or a topic it writes to was deleted"
            ) from error
        self._is_contract_kept = True
        for key, value in state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    async def _transact(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        await producer.begin_transaction()
        failed = producer._txn_manager.wait_for_transaction_end()
        sends: list[asyncio.Future[Any]] = []
        try:
            for batch in _batches(messages):
                sends += await self._send(batch)
            await _all_sent(sends, failed)
        except BaseException as error:
            for future in (*sends, failed):
                future.add_done_callback(_retrieve)
            if isinstance(error, IllegalOperation) and failed.done():
                failed.result()  # The transaction has failed while messages were added.
            raise
        await producer.commit_transaction()

    async def _send(self, messages: list[Message]) -> list[asyncio.Future[Any]]:
        """Send messages of one partition, in order, as few record batches; return their futures."""
        if self._producer is None:
            raise SlotLost(f"{self._transactional_id} was closed in the middle of a commit")
        now_ms = int(time.time() * 1000)
        futures = []
        builder = self._producer.create_batch()
        topic, partition = messages[0][:2]
        for _, _, key, value, headers in messages:
            named = [*headers, FORMAT_HEADER]
            if builder.append(timestamp=now_ms, key=key, value=value, headers=named) is None:
                futures.append(await self._producer.send_batch(builder, topic, partition=partition))
                builder = self._producer.create_batch()
                builder.append(timestamp=now_ms, key=key, value=value, headers=named)
        futures.append(await self._producer.send_batch(builder, topic, partition=partition))
        return futures

    async def close(self) -> None:
        """Stop the producer. An open transaction is left to the next owner's fence."""
        if isinstance(self._state, StateOnDisk):
            self._state.close()
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await producer.stop()
        except TimeoutError:
            # If Kafka is down, aiokafka waits for ever to flush records that will never be committed.
            log.warning("slot closed with unsent messages", slot=self._transactional_id, within_s=CLOSE_S)
            await abandon(producer)


async def run_together(actions: Iterable[Awaitable[None]]) -> None:
    """Await an action of each of some slots. If one fails, cancel the others, and wait until they have ended.

    The slots are then closed: an opening that goes on would fence its successor, and a commit would meet a
    producer that is being stopped. Raises the error of the first action that fails.
    """
    tasks = [asyncio.ensure_future(action) for action in actions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all_sent(sends: Sequence[asyncio.Future[Any]], failed: asyncio.Future[None]) -> None:
    """Wait until every message is sent. Raises the first error of a message or of the transaction (`failed`).

    If Kafka refuses to add a partition to the transaction, aiokafka 0.14 fails the transaction, and leaves
    the messages unsent for ever.
    """
    sent = asyncio.gather(*sends)
    waits: list[asyncio.Future[Any]] = [sent, failed]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sent.add_done_callback(_retrieve)
    (sent if sent.done() else failed).result()


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Mark an exception as retrieved: the error that ends the commit is raised already."""
    if not future.cancelled():
        future.exception()


def _batches(messages: Sequence[Message]) -> list[list[Message]]:
    by_partition: dict[tuple[str, int], list[Message]] = {}
    for place, run in groupby(messages, itemgetter(0, 1)):  # topic and partition; mostly long runs
        by_partition.setdefault(place, []).extend(run)
    return list(by_partition.values())


async def read_compacted(kafka: KafkaConnection, topic: str, partition: int) -> dict[bytes, bytes]:
    """Return the latest committed value of every key of one partition of a compacted topic."""
    values: dict[bytes, bytes] = {}
    await _read_into(values, kafka, topic, partition)
    return values


async def _read_into(
    values: MutableMapping[bytes, bytes], kafka: KafkaConnection, topic: str, partition: int
) -> None:
    place = TopicPartition(topic, partition)
    async with committed_reader(kafka, topic) as consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        async for messages in read_to_end(consumer, place):
            for message in messages:
                check_format(topic, message.headers)
                if message.value is None:
                    values.pop(message.key, None)
                else:
                    values[message.key] = message.value
