"""The route `/api/conversations`: the conversations of a selection by one dimension, as JSON or CSV.

A query runs in a thread, one at a time, because it may take a part of a second; more than `WAITING_MAX`
requests are refused with 503.
"""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from streams.web import query
from streams.web.conversations.grouping import SERIES_MARGIN_S, Answer, answer, to_csv
from streams.web.conversations.selection import BadSelection, Selection, parse
from streams.web.state.board import Board

WAITING_MAX = 16
FORMATS = ("json", "csv")


class ConversationRoutes:
    """The handler for one board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._running = asyncio.Lock()
        self._waiting = 0

    async def conversations(self, request: web.Request) -> web.Response:
        """Return the rows of a selection."""
        form = request.query.get("format", "json")
        if form not in FORMATS:
            raise web.HTTPBadRequest(text=f"format is {form[:50]!r}: use one of {', '.join(FORMATS)}")
        try:
            chosen = parse(request.query, query.RANGES_S)
        except BadSelection as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        found = await self._answer(chosen)
        headers = {"Cache-Control": "no-store"}
        if form == "csv":
            headers["Content-Disposition"] = f'attachment; filename="vpcflow-{chosen.group}.csv"'
            return web.Response(text=to_csv(found), content_type="text/csv", headers=headers)
        return web.Response(body=orjson.dumps(found), content_type="application/json", headers=headers)

    async def _answer(self, chosen: Selection) -> Answer:
        if self._waiting >= WAITING_MAX:
            raise web.HTTPServiceUnavailable(text=f"{WAITING_MAX} requests are waiting; try again later")
        self._waiting += 1
        try:
            async with self._running:
                times = chosen.times(self._newest_end())
                margin_s = SERIES_MARGIN_S if chosen.begin or chosen.end else 0
                tables = list(self._board.conversations.tables(times[0] - margin_s, times[1] + margin_s))
                return await asyncio.to_thread(answer, tables, self._board.directory, chosen, times)
        finally:
            self._waiting -= 1

    def _newest_end(self) -> int:
        """Return the end of the newest visible window; that of the newest conversations if there is none."""
        windows = self._board.history.windows()
        starts = self._board.conversations.starts
        return windows[-1].end if windows else (starts[-1] + 60 if starts else 0)
