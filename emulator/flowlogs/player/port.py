"""The clients of the emulator's port: raw HTTP for bulk calls, boto3 for infrequent calls."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from emulator.http.messages import Incoming, Outgoing
from emulator.scope import Scope
from emulator.world.builder.local_client import ANSWER_S, local_client

_NOT_SENT = frozenset({"host", "content-length"})
_FROM_THE_WORLD = {"x-vpcflow-world": "player"}
"""The header by which the emulator recognizes events that are timed by the world's clock."""


class Port:
    """One endpoint for all accounts and Regions. The access key is the account number."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session
        self._clients: dict[tuple[str, Scope], Any] = {}
        self._making = threading.Lock()  # boto3's default session is not thread-safe

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Port]:
        """Open an HTTP session. The context's exit closes it."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        connector = aiohttp.TCPConnector(limit=32)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            yield cls(url, session)

    async def ask(self, request: Incoming) -> Outgoing:
        """Send a request unchanged. Raises `OSError` and `TimeoutError`."""
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_SENT}
        try:
            async with self._session.request(
                request.method,
                URL(self.url + request.target, encoded=True),
                headers=headers | _FROM_THE_WORLD,
                data=request.body or None,
            ) as answer:
                return Outgoing(answer.status, dict(answer.headers), await answer.read())
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    def ec2(self, scope: Scope) -> Any:
        """Return an EC2 client for an account and Region."""
        return self._client("ec2", scope)

    def iam(self, account: str) -> Any:
        """Return an IAM client for an account."""
        return self._client("iam", Scope(account, "us-east-1"))

    def _client(self, service: str, scope: Scope) -> Any:
        with self._making:
            if (service, scope) not in self._clients:
                made = local_client(service, self.url, scope.region, scope.account)
                self._clients[service, scope] = made
            return self._clients[service, scope]
