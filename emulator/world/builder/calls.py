"""The calls of a build: bounded in number, with a tag and a kept id for each resource, and with waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from emulator.world.topology.tags import TOPOLOGY

AT_ONCE = 6
SETTLE_S = 900.0  # a transit gateway of AWS's takes minutes, and so does a NAT gateway
_POLL_S = 2.0

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all) after each step."""
Id = tuple[str, str]
"""Kind and name of a thing."""
T = TypeVar("T")


class BuildError(Exception):
    """The error for a topology that cannot be built. The message is one sentence."""


class Calls:
    """One EC2 client for many tasks. `ids` has the id of each resource made."""

    def __init__(self, client: Any, topology: str, steps: int, progress: Progress | None) -> None:
        self._client, self._topology = client, topology
        self._steps, self._done, self._progress = steps, 0, progress
        self.ids: dict[Id, str] = {}

    async def __aenter__(self) -> Self:
        self._pool = ThreadPoolExecutor(AT_ONCE, "build")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def ask(self, operation: str, **request: Any) -> Mapping[str, Any]:
        """Make a call and return the response. Raises botocore's errors."""
        call = partial(getattr(self._client, operation), **request)
        answer: Mapping[str, Any] = await asyncio.get_running_loop().run_in_executor(self._pool, call)
        return answer

    async def pages(self, operation: str, key: str, **request: Any) -> list[Mapping[str, Any]]:
        """Return all pages of a list, joined."""

        def call() -> list[Mapping[str, Any]]:
            pages = self._client.get_paginator(operation).paginate(**request)
            return [one for page in pages for one in page.get(key) or ()]

        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def make(
        self, key: Id, operation: str, tags: Mapping[str, str] | None = None, **request: Any
    ) -> str:
        """Create one resource with its tags. Keep its id and return it."""
        kind, name = key
        answer = await self.ask(
            operation, TagSpecifications=[tagged(kind, name, self._topology, tags)], **request
        )
        self.ids[key] = made = _id_in(answer)
        return made

    async def tag(self, made: str, name: str, tags: Mapping[str, str] | None = None) -> None:
        """Tag a resource that the endpoint made by itself."""
        wanted = tagged("", name, self._topology, tags)["Tags"]
        await self.ask("create_tags", Resources=[made], Tags=wanted)

    async def settled(self, operation: str, key: str, **request: Any) -> Mapping[str, Any]:
        """Wait until the described resource is available, and return it. Raises `BuildError`."""

        def available(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
            one: Mapping[str, Any] = answer[key][0]
            if one.get("State") == "failed":
                raise BuildError(f"{request} failed: {one.get('FailureMessage', 'no reason given')}.")
            return one if one.get("State") == "available" else None

        found = await self.until(available, operation, **request)
        assert found is not None
        return found

    async def until(self, holds: Callable[[Mapping[str, Any]], T], operation: str, **request: Any) -> T:
        """Repeat a call until `found` returns a true value, and return that. Raises `BuildError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_S
        while not (held := holds(await self.ask(operation, **request))):
            if loop.time() > deadline:
                raise BuildError(f"{request} was not ready after {SETTLE_S:.0f} s ({operation}).")
            await asyncio.sleep(_POLL_S)
        return held

    async def each(self, things: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        """Run a task for each item, a bounded number at once. The first error cancels the others."""
        waiting = iter(list(things))

        async def worker() -> None:
            for thing in waiting:
                await work(thing)

        workers = [asyncio.ensure_future(worker()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.wait(workers)

    def step(self, count: int = 1) -> None:
        """Report one step of progress."""
        self._done += count
        if self._progress:
            self._progress(self._done, self._steps)


def tagged(kind: str, name: str, topology: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the tag specification of a new resource."""
    tags = {"Name": name, TOPOLOGY: topology, **(more or {})}
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _id_in(answer: Mapping[str, Any]) -> str:
    """Return the id of the resource in a response: `GroupId`, or `Vpc` → `VpcId`."""
    for name in ("AllocationId", "GroupId"):
        if name in answer:
            return str(answer[name])
    for name, value in answer.items():
        if isinstance(value, dict) and f"{name}Id" in value:
            return str(value[f"{name}Id"])
        if name == "TransitGatewayVpcAttachment":
            return str(value["TransitGatewayAttachmentId"])
        if name == "Instances":
            return str(value[0]["InstanceId"])
    raise BuildError(f"The endpoint answered without an id: {sorted(answer)}.")
