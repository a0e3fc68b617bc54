"""Processes of ours as tests and benches start them: their settings, and waiting for what they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

DEADLINE_S = 300.0


def environment(kafka: str, prefix: str, slots: int, **more: object) -> dict[str, str]:
    """Return the variables that every process of a pipeline is given, and more by their settings' names."""
    settings = {"kafka": kafka, "prefix": prefix, "slots": slots, **more}
    return {f"VPCFLOW_{name.upper()}": str(value) for name, value in settings.items()}


async def until(is_done: Callable[[], Awaitable[bool]], what: str) -> None:
    """Poll until something is so. Raises `TimeoutError` after `DEADLINE_S`."""
    deadline = time.monotonic() + DEADLINE_S
    while not await is_done():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.05)


async def answers(url: str) -> bool:
    """Say whether a readiness address says yes."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
