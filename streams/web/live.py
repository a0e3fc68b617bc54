"""The live stream: server-sent events with a snapshot on connect, then one tick per second.

A tick contains the changes since the last tick that the client received. Changes are absolute, so there is no
queue: a slow client, or a client that reconnects with `Last-Event-ID`, receives one event with all changes.
The last 120 ticks are stored as versions of the board, not as data; a client that missed more receives a
snapshot. Tick numbers start at the clock, so every number from before a restart is older.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from streams.web import query
from streams.web.state.board import Board

TICK_S = 1.0
REMEMBERED_TICKS = 120
HEARTBEAT_S = 15.0
RETRY_MS = 2000
MAX_CLIENTS = 64
SEND_TIMEOUT_S = 60.0
TOP_ROWS = 10
ALERTS_SHOWN = 50
DATA_HEALTH_SHOWN = 20
HELD_SHOWN = 3


@dataclass(frozen=True, slots=True)
class View:
    """The view of a client: the order of its table and the range of its chart."""

    by: str = "bytes"
    range: str = "1h"


@dataclass(frozen=True, slots=True)
class _Mark:
    """The versions of the board at a tick."""

    history: int
    alerts: int
    data_health: int


class Live:
    """The ticks, and the streams of all clients; each client receives the newest tick."""

    def __init__(self, board: Board, clock: Callable[[], float]) -> None:
        self._board = board
        self._clock = clock
        self._marks: OrderedDict[int, _Mark] = OrderedDict()
        self._number = math.floor(clock()) + 2  # greater than any number before a restart
        self._next = asyncio.Event()
        self._is_closing = False
        self.departed = 0  # streams that ended because the client disconnected
        self._made: dict[tuple[View, int | None], str] = {}
        self._connections: set[EventSourceResponse] = set()

    @property
    def clients(self) -> int:
        """The number of open streams."""
        return len(self._connections)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """Store the versions of the board, and wake every stream."""
        self._number += 1
        self._marks[self._number] = self._mark()
        if len(self._marks) > REMEMBERED_TICKS:
            self._marks.popitem(last=False)
        self._made.clear()
        self._wake()

    def _mark(self) -> _Mark:
        board = self._board
        return _Mark(board.history.version, board.alerts_version, board.data_health_version)

    def close(self) -> None:
        """End every stream; the clients reconnect by themselves."""
        self._is_closing = True
        self._wake()

    async def serve(self, request: web.Request, view: View) -> web.StreamResponse:
        """Stream to one client until it disconnects or the server closes."""
        if self.clients >= MAX_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_CLIENTS} pages are already open; try again later")
        stream = EventSourceResponse(sep="\n", ping_interval=HEARTBEAT_S, send_timeout=SEND_TIMEOUT_S)
        stream.headers["Cache-Control"] = "no-store"
        self._connections.add(stream)
        try:
            await stream.prepare(request)
            async with stream:
                await self._send_all(stream, view, _tick_number(request.headers.get("Last-Event-ID")))
        except (ConnectionError, TimeoutError):
            self.departed += 1  # The client disconnected, or read nothing for a minute.
        finally:
            self._connections.discard(stream)
        return stream

    async def _send_all(self, stream: EventSourceResponse, view: View, seen: int | None) -> None:
        while not self._is_closing:
            waiter = self._next
            if seen != self._number and self._marks:
                since = self.resumable(seen)
                event = "snapshot" if since is None else "tick"
                number = self._number
                retry = RETRY_MS if since is None else None
                await stream.send(self._body(view, since), id=str(number), event=event, retry=retry)
                seen = number
            await waiter.wait()

    def resumable(self, seen: int | None) -> int | None:
        """Return `seen` if its tick can be followed by changes; None if the client needs a snapshot.

        A tick does not name windows that were hidden, or shown again without a change of their own.
        """
        mark = self._marks.get(seen) if seen is not None else None
        return seen if mark is not None and mark.history >= self._board.history.shown_version else None

    def _body(self, view: View, since: int | None) -> str:
        """Return the JSON of an event, encoded once for all clients with the same view and tick."""
        key = (view, since)
        if key not in self._made:
            self._made[key] = orjson.dumps(self._event(view, since)).decode()
        return self._made[key]

    def _event(self, view: View, since: int | None) -> dict[str, Any]:
        board, now = self._board, self._clock()
        mark = self._marks[since] if since is not None else _Mark(-1, -1, -1)
        range_s = query.RANGES_S[view.range]
        windows = board.history.windows(range_s)
        top = query.top(board.history, view.by, range_s, TOP_ROWS)
        event: dict[str, Any] = {
            "now": now,
            "state": state(board, now),
            "numbers": query.numbers(board, now),
            "watermark": watermark(board, now),
            "from": windows[0].start if windows else None,
            "points": [query.point(window) for window in windows if window.version > mark.history],
            "top": top,
            "names": names(board, [row.eni for row in top.rows], now),
        }
        if board.alerts_version > mark.alerts:
            event["alerts"] = board.alerts()[:ALERTS_SHOWN]
        if board.data_health_version > mark.data_health:
            event["health"] = board.data_health()[:DATA_HEALTH_SHOWN]
        return event

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()


def state(board: Board, now: float) -> dict[str, Any]:
    """Return the link to Kafka and the time since the last message, in seconds."""
    silent_s = None if board.last_message_at is None else max(now - board.last_message_at, 0.0)
    return {
        "link": board.link.state,
        "detail": board.link.detail,
        "silent_s": silent_s,
        "is_stale": silent_s is not None and silent_s > query.STALE_S,
        "is_caught_up": board.is_caught_up,
        "is_reading_history": board.is_reading_history,
    }


def names(board: Board, enis: Iterable[str], now: float) -> dict[str, str]:
    """Return the names of interfaces, and of those of the listed alerts, that the inventory has."""
    times = dict.fromkeys(enis, int(now))
    for alert in board.alerts()[:ALERTS_SHOWN]:
        times.setdefault(alert.labels.get("eni", ""), alert.starts_at)
    owners = {eni: board.directory.interface(eni, at_s) for eni, at_s in times.items()}
    return {eni: owner.label for eni, owner in owners.items() if owner is not None}


def watermark(board: Board, now: float) -> dict[str, Any]:
    """Return the slots that hold the watermark: the worst few as sentences, and the number of others."""
    held = board.progress.held(now)
    return {
        "held": [one.text for one in held[:HELD_SHOWN]],
        "more": max(len(held) - HELD_SHOWN, 0),
        "ahead": board.history.ahead,
    }


def _tick_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
