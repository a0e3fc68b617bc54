"""The page's questions, answered from a small board that can be added up by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.progress import SlotProgress, SourceProgress
from streams.records import Aggregate, Alert
from streams.web import query
from streams.web.state.board import KEEP_RESOLVED, Board
from streams.web.state.history import ForeignMessage
from streams.web.state.latencies import Latencies


def board_of(*rows: tuple[str, str, int, int, int, bool]) -> Board:
    """Fill a board with (eni, action, window start, flows, bytes, final)."""
    board = Board()
    for eni, action, start, flows, size, final in rows:
        aggregate = Aggregate(
            eni, action, start, 60, flows, flows * 10, size, start, start, {}, 0, 0, 1, final, 0
        )
        board.take_aggregate(aggregate.encode(), 1000.0)
    return board


def report(board: Board, complete_to: int, *sources: SourceProgress, slot: int = 0, of: int = 1) -> None:
    """Tell a board that a slot is complete to an event time, but for `sources`."""
    board.progress.count = of
    progress = SlotProgress(sources, 1, complete_to, complete_to, 1_000_000)
    board.take_progress(slot, progress.encode())


THREE = (
    ("eni-a", "ACCEPT", 0, 60, 6000, True),
    ("eni-a", "ACCEPT", 60, 120, 12_000, False),
    ("eni-b", "REJECT", 60, 40, 600, False),
    ("eni-c", "-", 60, 20, 900, False),
    ("eni-a", "ACCEPT", 120, 6, 60, False),
)


def test_numbers_of_nothing_are_unknown_and_not_zero_lag() -> None:
    said = query.numbers(Board(), 1000.0)
    assert (said.behind_s, said.reject_percent, said.lag_s, said.flows_per_s) == (None, None, None, None)


def test_rates_are_those_of_the_newest_settled_window() -> None:
    said = query.numbers(board_of(*THREE), 300.0)
    assert (said.window_start, said.window_end, said.window_is_final) == (0, 60, True)
    assert (said.behind_s, said.flows_per_s, said.open_from) == (240.0, 1.0, 60)
    board = board_of(*THREE, ("eni-a", "ACCEPT", 400, 1, 1, False))
    report(board, 240)
    said = query.numbers(board, 300.0)
    assert (said.window_start, said.window_is_final, said.open_from) == (0, True, 60)
    report(board, 300)
    said = query.numbers(board, 300.0)
    assert (said.window_start, said.window_is_final, said.open_from) == (60, False, 120)
    assert (said.behind_s, said.flows_per_s, said.bytes_per_s) == (180.0, 180 / 60, 13_500 / 60)
    assert said.reject_percent == 25.0


def test_a_window_of_which_a_source_is_unread_is_not_settled() -> None:
    board = board_of(*THREE, ("eni-a", "ACCEPT", 400, 1, 1, False))
    report(board, 10_000, slot=0, of=2)
    assert query.numbers(board, 300.0).window_start == 0, "slot 1 has not reported"
    report(board, 10_000, SourceProgress("kinesis:s/shard-1", "unread"), slot=1, of=2)
    assert query.numbers(board, 300.0).window_start == 0, "a shard of slot 1 is unread"
    report(board, 10_000, SourceProgress("kinesis:s/shard-1", "behind", 239), slot=1, of=2)
    assert query.numbers(board, 300.0).window_start == 0, "it is behind, inside the window and its allowance"
    report(board, 10_000, slot=1, of=2)
    assert query.numbers(board, 300.0).window_start == 120


def test_nothing_settled_has_no_rates() -> None:
    said = query.numbers(board_of(*THREE[1:]), 300.0)
    assert (said.flows_per_s, said.bytes_per_s, said.reject_percent, said.behind_s) == (None,) * 4
    assert (said.window_start, said.open_from) == (None, 60)


def test_a_worker_that_lags_behind_its_connectors_settles_nothing() -> None:
    board = board_of(("eni-a", "ACCEPT", 0, 60, 6000, False), ("eni-a", "ACCEPT", 60, 1, 1, False))
    report(board, 10_000)
    assert query.numbers(board, 300.0).window_start is None


@pytest.mark.parametrize("by", query.ORDERS)
def test_table_adds_up_to_the_chart(by: str) -> None:
    board = board_of(*THREE)
    points = query.series(board.history, 3600)
    for n in (1, 2, 10):
        table = query.top(board.history, by, 3600, n)
        rows = [*table.rows, *([table.other] if table.other else [])]
        for column in query.ORDERS:
            assert sum(getattr(row, column) for row in rows) == getattr(table.total, column)
        assert table.total.bytes == sum(point[4] + point[7] + point[10] for point in points)
        assert table.total.rejects == sum(point[5] for point in points)
        assert sum(row.share for row in rows) == pytest.approx(1.0)


def test_table_is_ordered_and_names_the_rest() -> None:
    table = query.top(board_of(*THREE).history, "bytes", 3600, 1)
    assert [row.eni for row in table.rows] == ["eni-a"]
    assert table.other is not None
    assert (table.others, table.other.bytes) == (2, 1500)
    assert [row.eni for row in query.top(board_of(*THREE).history, "rejects", 3600).rows] == ["eni-b"]


def test_csv_is_the_table() -> None:
    lines = query.to_csv(query.top(board_of(*THREE).history, "bytes", 3600, 1), {}).splitlines()
    assert lines[0] == "eni,bytes,packets,flows,rejects,share_percent,name"
    assert [line.split(",")[0] for line in lines[1:]] == ["eni-a", "Other", "Total"]
    assert lines[3].split(",")[1] == str(6000 + 12_000 + 600 + 900 + 60)


def test_lag_comes_from_fresh_messages_that_name_an_arrival() -> None:
    board = Board()
    one = Aggregate("e", "ACCEPT", 0, 60, 1, 1, 1, 0, 0, {}, 0, 0, 1, False, 9_000)
    board.take_aggregate(one.encode(), 5000.0, is_fresh=False)
    assert (board.lag_s, board.latencies.count) == (None, 0)
    board.take_aggregate(one.encode(), 9.5)
    assert (board.lag_s, board.latencies.count) == (0.5, 1)


def test_dead_are_counted_by_reason() -> None:
    board = Board()
    board.take_dead([("why", b"late"), ("count", b"12"), ("from", b"merge-1")])
    board.take_dead([("why", b"late")])
    board.take_dead([("why", b"not flow logs"), ("count", b"2")])
    assert (board.late, dict(board.dead)) == (13, {"late": 13, "not flow logs": 2})
    for headers in ([], [("why", b"\xff")], [("why", b"late"), ("count", b"many")]):
        with pytest.raises(ForeignMessage):
            board.take_dead(headers)


def test_reasons_are_bounded() -> None:
    board = Board()
    for number in range(100):
        board.take_dead([("why", f"reason {number}".encode())])
    assert len(board.dead) <= 33
    assert sum(board.dead.values()) == 100


def alert(name: str, status: str, began: int) -> Alert:
    """Build an alert."""
    ended = began + 60 if status == "resolved" else 0
    return Alert(name, "rule", "warning", status, {"eni": "e"}, "", 2.0, 1.0, 0, 60, began, ended, "")


def test_alerts_are_firing_first_and_the_newest_transition_wins() -> None:
    board = Board()
    for each in (alert("a", "pending", 1), alert("b", "resolved", 9), alert("c", "firing", 2)):
        board.take_alert(each.fingerprint, each.encode())
    assert [each.fingerprint for each in board.alerts()] == ["c", "a", "b"]
    board.take_alert("a", alert("a", "firing", 5).encode())
    assert [each.fingerprint for each in board.alerts()] == ["a", "c", "b"]
    board.take_alert("a", None)
    assert [each.fingerprint for each in board.alerts()] == ["c", "b"]


def test_an_alert_that_never_fired_is_not_listed_as_resolved() -> None:
    """Today it is a tombstone; the version before published it as resolved, ending as it began."""
    board = Board()
    pending = alert("a", "pending", 5)
    for end in (None, replace(pending, status="resolved", ends_at=pending.starts_at).encode()):
        board.take_alert("a", pending.encode())
        assert [one.status for one in board.alerts()] == ["pending"]
        board.take_alert("a", end)
        assert board.alerts() == []


def test_resolved_alerts_are_bounded_and_foreign_ones_refused() -> None:
    board = Board()
    for number in range(KEEP_RESOLVED + 50):
        board.take_alert("", alert(f"a{number}", "resolved", number).encode())
    assert len(board.alerts()) == KEEP_RESOLVED
    assert board.alerts()[-1].fingerprint == "a50"
    for value in (b"", b"{}", b"[]", alert("x", "undecided", 1).encode()):
        with pytest.raises(ForeignMessage):
            board.take_alert("x", value)


def test_quantiles_are_within_a_bucket_of_the_truth() -> None:
    latencies = Latencies()
    assert latencies.quantile_ms(0.5) is None
    for ms in range(1, 10_001):
        latencies.add(ms)
    assert latencies.quantile_ms(0.5) == pytest.approx(5000, rel=0.09)
    assert latencies.quantile_ms(0.99) == pytest.approx(9900, rel=0.09)
    assert latencies.octaves()[-1][1] == latencies.count == 10_000
