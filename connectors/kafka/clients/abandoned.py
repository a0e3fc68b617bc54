"""The end of a producer that does not stop, because Kafka does not take its messages.

If `stop` is cancelled, aiokafka 0.14 leaves the tasks and connections running until the process exits.
"""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

SENDER_S = 1.0


async def abandon(producer: AIOKafkaProducer) -> None:
    """Fail the unsent messages of a producer, and end its tasks and connections."""
    unsent = producer._message_accumulator
    batches = [batch for queue in unsent._batches.values() for batch in queue]
    batches += unsent._pending_batches
    unsent.fail_all(ProducerClosed())
    for batch in batches:
        for future in (batch.future, batch._drain_waiter):
            future.exception()  # Marks it as retrieved; its commit may have been cancelled.
    sender = producer._sender.sender_task
    sender.cancel()
    await producer.client.close()  # The requests that the sender waits for fail.
    await asyncio.wait([sender], timeout=SENDER_S)
