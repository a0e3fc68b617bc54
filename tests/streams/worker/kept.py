"""A slot without Kafka, for tests of hops: it keeps what is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot


class KeptSlot(Slot):
    """State and messages in memory; `open` gives the state that it was made with."""

    def __init__(self, state: Mapping[bytes, bytes], partition: int = 0) -> None:
        super().__init__(KafkaConnection("127.0.0.1:1"), "state", partition, "owner")
        self.kept = dict(state)
        self.sent: list[Message] = []

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """What was committed last."""
        return self.kept

    async def open(self) -> None:
        """Fence nothing."""

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        """Keep state and messages."""
        self.sent += messages
        for key, value in state.items():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value

    async def close(self) -> None:
        """Close nothing."""

    def messages(self, name: str) -> list[Message]:
        """Return what was sent to one topic."""
        return [message for message in self.sent if message.topic.endswith(name)]
