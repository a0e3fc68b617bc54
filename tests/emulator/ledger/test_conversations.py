"""The ledger's conversations: what differs from the published ones is found."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from emulator.ledger import conversations
from emulator.ledger.conversations import (
    ConversationLedger,
    PublishedConversations,
    bounded_difference,
    compare_conversations,
)
from emulator.ledger.ledger import Ledger

ENI = "eni-0a1b2c3d4e5f60718"
LINES = pl.DataFrame(
    {
        "eni": [ENI] * 4,
        "action": ["ACCEPT", "ACCEPT", "REJECT", "NODATA"],
        "packets": [2, 3, 1, 0],
        "bytes": [100, 200, 40, 0],
        "start": [61, 62, 63, 60],
        "end": [70, 80, 64, 119],
        "srcaddr": ["10.0.0.5", "10.0.0.5", "2600:1f18:0:0::a", None],
        "dstaddr": ["192.0.2.9", "192.0.2.9", "10.0.0.5", None],
        "srcport": [50_000, 50_001, 40_000, None],
        "dstport": [443, 443, 3389, None],
        "protocol": [6, 6, 6, None],
    }
)
PUBLISHED: dict[str, Any] = {
    "eni": [ENI, ENI],
    "window_start": [60, 60],
    "action": ["ACCEPT", "REJECT"],
    "source": ["10.0.0.5", "2600:1f18::a"],
    "destination": ["192.0.2.9", "10.0.0.5"],
    "port": [443, 3389],
    "port_rule": ["registered", "ephemeral"],
    "protocol": [6, 6],
    "flows": [2, 1],
    "packets": [5, 1],
    "bytes": [300, 40],
    "first": [61, 63],
    "last": [80, 64],
    "is_other": [False, False],
    "bound_flows": [0, 0],
    "bound_packets": [0, 0],
    "bound_bytes": [0, 0],
    "revision": [3, 3],
    "final": [True, True],
}


def ledger() -> ConversationLedger:
    found = Ledger()
    found.add_columns(LINES)
    return found.conversations


def differing(**changes: list[Any]) -> int:
    published = PublishedConversations()
    published.add(pl.DataFrame(PUBLISHED | changes))
    return compare_conversations(ledger(), published, 1000).differing


def test_equal_conversations_are_exact() -> None:
    published = PublishedConversations()
    published.add(pl.DataFrame(PUBLISHED | {"flows": [1, 1], "revision": [1, 1], "final": [False, False]}))
    published.add(pl.DataFrame(PUBLISHED))
    report = compare_conversations(ledger(), published, 1000)
    assert (report.exact, report.conversations, report.groups) == (True, 2, 1)
    assert compare_conversations(ledger(), published, 119).groups == 0  # The window is not over.


@pytest.mark.parametrize(
    "changes",
    [
        {"flows": [3, 1]},
        {"last": [81, 64]},
        {"port": [80, 3389]},
        {"port_rule": ["lower", "ephemeral"]},
        {"source": ["10.0.0.6", "2600:1f18::a"]},
        {"final": [False, False]},
        {"eni": ["eni-1", "eni-1"]},
    ],
)
def test_a_difference_is_found(changes: dict[str, list[Any]]) -> None:
    assert differing() == 0
    assert differing(**changes) > 0


def test_a_revision_that_goes_back_is_counted_and_not_used() -> None:
    published = PublishedConversations()
    published.add(pl.DataFrame(PUBLISHED))
    published.add(pl.DataFrame(PUBLISHED | {"flows": [9, 9]}))
    report = compare_conversations(ledger(), published, 1000)
    assert (report.backwards, report.differing, report.exact) == (1, 0, False)


def test_a_long_load_is_closed_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, closed = Ledger(), Ledger()
    monkeypatch.setattr(conversations, "_OPEN_ROWS", 3)
    for minute in range(40):
        closed.add_columns(LINES.with_columns(pl.col("start", "end") + 60 * minute))
    assert sum(len(part) for part in closed.conversations._open) < 60
    monkeypatch.undo()
    for minute in range(40):
        whole.add_columns(LINES.with_columns(pl.col("start", "end") + 60 * minute))
    assert closed.conversations.digests() == whole.conversations.digests()


WANTED = pl.DataFrame({**{name: PUBLISHED[name] * 2 for name in conversations.SCHEMA}, "port": [1, 2, 3, 4]})


def given(**changes: list[Any]) -> pl.DataFrame:
    """Return published rows: two are listed, and the others are the rest."""
    rows = {name: values * 2 for name, values in PUBLISHED.items()} | {"port": [1, 2, -1, -1]}
    rows |= {"is_other": [False, False, True, True]}
    return pl.DataFrame(rows | changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"flows": [1, 1, 3, 1]}, "flows of 1 conversations are not within their bound"),
        ({"flows": [1, 1, 3, 1], "bound_flows": [1, 0, 0, 0]}, ""),
        ({"bytes": [300, 40, 299, 40]}, "bytes with the rest"),
        ({"port": [9, 2, -1, -1]}, "a conversation that is not in the ledger"),
    ],
)
def test_bounded_rows_are_compared_one_by_one(
    changes: dict[str, list[Any]], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "LISTED", 1)
    assert bounded_difference(WANTED, given(**changes)).startswith(reason)
    assert bool(bounded_difference(WANTED, given(**changes))) == bool(reason)


def test_a_large_conversation_that_is_not_listed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "LISTED", 1)
    large = WANTED.with_columns(bytes=pl.Series([300, 40, 9000, 40]))
    assert "largest by bytes is not listed" in bounded_difference(large, given(bytes=[300, 40, 9000, 40]))
