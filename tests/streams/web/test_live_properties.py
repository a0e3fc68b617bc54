"""A client of the live stream shows what the board shows, whatever ticks it missed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from streams.records import Aggregate, Alert
from streams.web import query
from streams.web.live import REMEMBERED_TICKS, Live, View
from streams.web.state.board import Board
from tests.streams.web.boards import BEGIN, aggregates, later

VIEW = View("flows", "3h")
NOW = float(BEGIN)


@dataclass
class Client:
    """A page: it keeps points by window, and replaces what an event brings. `seen` is its last tick."""

    seen: int | None = None
    points: dict[int, list[int]] = field(default_factory=dict)
    alerts: list[Any] = field(default_factory=list)
    top: Any = None

    def take(self, live: Live) -> None:
        """Connect with the last tick, and apply the event that comes first."""
        number = live._number
        since = live.resumable(self.seen)
        event = orjson.loads(live._body(VIEW, since))
        if since is None:
            self.points.clear()
            self.alerts.clear()
        for point in event["points"]:
            self.points[point[0]] = point
        self.points = {start: point for start, point in self.points.items() if start >= (event["from"] or 0)}
        self.alerts = event.get("alerts", self.alerts)
        self.top = event["top"]
        self.seen = number

    def shows(self, board: Board) -> None:
        """Check that the page equals the answers to full queries."""
        points = query.series(board.history, query.RANGES_S[VIEW.range])
        assert [self.points[start] for start in sorted(self.points)] == [list(point) for point in points]
        assert self.alerts == orjson.loads(orjson.dumps(board.alerts()))
        top = query.top(board.history, VIEW.by, query.RANGES_S[VIEW.range])
        assert self.top == orjson.loads(orjson.dumps(top))


def alert(number: int, status: str) -> Alert:
    """Return an alert."""
    ends_at = BEGIN + 60 if status == "resolved" else 0
    return Alert(
        f"{number}", "port_scan", "warning", status, {"eni": "e"}, "", 60.0, 50.0, 0, 60, BEGIN, ends_at, ""
    )


changes = st.one_of(
    aggregates,
    st.builds(alert, st.integers(0, 3), st.sampled_from(["pending", "firing", "resolved"])),
)
actions = st.lists(st.one_of(changes, st.just("tick"), st.integers(0, 2)), max_size=40)
"""A change of the board, a tick, or the number of a client that connects."""


@given(actions)
def test_every_client_shows_the_board_after_each_event(steps: list[Aggregate | Alert | str | int]) -> None:
    board = Board()
    live = Live(board, lambda: NOW)
    clients = [Client() for _ in range(3)]
    live.tick()
    for step in steps:
        if isinstance(step, Aggregate):
            board.take_aggregate(step.encode(), NOW)
            board.take_aggregate(later(step, 3).encode(), NOW)
        elif isinstance(step, Alert):
            board.take_alert(step.fingerprint, step.encode())
        elif isinstance(step, int):
            live.tick()
            clients[step].take(live)
            clients[step].shows(board)
        else:
            live.tick()
    live.tick()
    for client in clients:
        client.take(live)
        client.shows(board)


def test_a_window_that_is_hidden_or_shown_again_reaches_clients_that_are_connected() -> None:
    """A window far ahead is hidden by a run of three; it is shown with its neighbours when its own run is."""
    board = Board()
    live, client = Live(board, lambda: NOW), Client()
    for minute in (0, 100, 1, 2, 101, 102):
        one = Aggregate("e", "ACCEPT", BEGIN + 60 * minute, 60, 1, 1, 1, 0, 0, {}, 0, 0, 1, False, 0)
        board.take_aggregate(one.encode(), NOW)
        live.tick()
        client.take(live)
        client.shows(board)
    assert len(client.points) == 6


def test_a_client_that_missed_more_ticks_than_are_remembered_gets_a_snapshot() -> None:
    board = Board()
    live, client = Live(board, lambda: NOW), Client()
    live.tick()
    client.take(live)
    for _ in range(REMEMBERED_TICKS - 1):
        live.tick()
    assert client.seen in live._marks
    live.tick()
    assert client.seen not in live._marks
    board.take_alert("1", alert(1, "firing").encode())
    client.take(live)
    client.shows(board)


@given(st.integers(0, 10**10), st.integers(0, 300), st.integers(1, 10_000))
def test_ticks_after_a_restart_are_newer_than_all_before_it(began: int, ticks: int, pause_s: int) -> None:
    """One tick a second at most, so the clock of a later start is ahead of every number given out."""
    before, after = Live(Board(), lambda: began), Live(Board(), lambda: began + ticks + pause_s)
    for _ in range(ticks):
        before.tick()
    after.tick()
    assert min(after._marks) > before._number
