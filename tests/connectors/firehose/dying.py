"""An endpoint that dies by SIGKILL when it has committed its first request, and before it has answered."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from connectors.firehose import connector
from connectors.kafka import ownership
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot
from connectors.settings import ConnectFirehose


class DyingSlot(Slot):
    """A slot whose first commit of lines is its last."""

    async def commit(self, state: Mapping[bytes, bytes | None], messages: Sequence[Message]) -> None:
        """Commit, and die."""
        await super().commit(state, messages)
        if any(one.value for one in messages):  # Blocks without values carry progress alone.
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    ownership.Slot = DyingSlot  # type: ignore[misc]  # the fault
    asyncio.run(connector.run(ConnectFirehose()))
