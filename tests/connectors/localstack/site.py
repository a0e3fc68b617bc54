"""LocalStack as a test uses it: clients, names of its own, and a `vpcflow connect` process that reads it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests.connectors.arrived import Topics
from tests.emulator.aws import Aws
from tests.localstack import REGION
from tests.processes import answers, environment, until

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@dataclass(frozen=True)
class Site:
    """One test's part of LocalStack and of Kafka."""

    url: str
    topics: Topics
    folder: Path
    aws: Aws
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What this test calls its streams, buckets, queues and roles."""
        return self.topics.prefix.rstrip(".")

    @property
    def by_url(self) -> dict[str, str]:
        """The variable by which every AWS tool finds an endpoint."""
        return {"AWS_ENDPOINT_URL": self.url}

    @property
    def by_host(self) -> dict[str, str]:
        """The variable by which LocalStack's own tools find it, as our README gives it."""
        return {"LOCALSTACK_HOST": f"localhost:{urlsplit(self.url).port}"}

    def client(self, service: str) -> Any:
        """Return a client that repeats no call by itself."""
        if service not in self.clients:
            self.clients[service] = self.aws.client(service, REGION)
        return self.clients[service]

    @asynccontextmanager
    async def connecting(
        self, source: str, where: dict[str, str], **settings: object
    ) -> AsyncIterator[Child]:
        """Run `vpcflow connect`; yields it once it is ready. It must end well when it is told to."""
        topics, port = self.topics, free_port()
        ours = environment(topics.kafka, topics.prefix, topics.slots, health_port=port, **settings)
        child = Child("connect", ["connect", source], {**CREDENTIALS, **where, **ours}, self.folder)

        async def is_ready_or_gone() -> bool:
            return child.returncode is not None or await answers(f"http://127.0.0.1:{port}/readyz")

        try:
            await child.start()
            await until(is_ready_or_gone, "no connector")
            assert child.returncode is None, child.tail()
            yield child
        finally:
            await child.stop()
        assert child.returncode == 0, child.tail()


async def kill(child: Child) -> None:
    """End a process as `kill -9` does."""
    os.kill(child.pid, signal.SIGKILL)
    await child.ended()
