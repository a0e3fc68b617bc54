"""The HTTP client for the world of a running emulator, for `vpcflow world` and replays."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson

from emulator.world.settings import WorldSettings

_TIMEOUT = aiohttp.ClientTimeout(total=120)


class NoWorld(Exception):
    """The error for an endpoint without our emulator, or for its refusal. The message is one sentence."""


class RemoteWorld:
    """The world of one emulator."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def play(self, settings: WorldSettings) -> None:
        """Start a world in place of the current one. Raises `NoWorld`."""
        await self._asked("PUT", "/_vpcflow/world", orjson.dumps(settings.document()))

    async def progress(self) -> dict[str, Any]:
        """Return the progress: `lines`, `now`, `is_done`, `failure`, `labels`. Raises `NoWorld`."""
        told: dict[str, Any] = orjson.loads(await self._asked("GET", "/_vpcflow/world"))["progress"]
        return told

    async def flow_logs(self) -> list[dict[str, Any]]:
        """Return all flow logs with their delivery states. Raises `NoWorld`."""
        told: list[dict[str, Any]] = orjson.loads(await self._asked("GET", "/_vpcflow/flow-logs"))
        return told

    async def ledger(self) -> bytes:
        """Return the ledger of a finished load. Raises `NoWorld`."""
        return await self._asked("GET", "/_vpcflow/ledger")

    async def _asked(self, method: str, path: str, body: bytes = b"") -> bytes:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.request(method, self._url + path, data=body or None) as answer,
            ):
                text = await answer.read()
        except aiohttp.ClientError as error:
            raise NoWorld(f"No emulator answers at {self._url}: {error}") from error
        if answer.status == 200:
            return text
        raise NoWorld(f"{self._url}{path} answered {answer.status}: {_sentence(text)}")


def _sentence(text: bytes) -> str:
    try:
        return str(orjson.loads(text)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "it is no emulator of ours; `vpcflow emulate` starts one"
