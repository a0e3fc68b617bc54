"""What the board keeps of the data's health: the newest of each kind and source, losses first, bounded."""

from __future__ import annotations

import pytest

from connectors.kafka.health_messages import DELAY, GAP, TRIMMED, HealthRecord
from streams.web.state import board
from streams.web.state.board import Board
from streams.web.state.history import ForeignMessage


def said(kind: str, source: str, at_ms: int) -> bytes:
    return HealthRecord(kind, source, at_ms, "text").message("", 0).value or b""


def test_the_newest_of_each_kind_and_source_is_kept_losses_first() -> None:
    page = Board()
    for kind, source, at_ms in (
        (DELAY, "a", 9),
        (GAP, "a", 2),
        (TRIMMED, "a", 1),
        (GAP, "a", 5),
        (GAP, "b", 3),
    ):
        page.take_data_health(said(kind, source, at_ms))
    assert [(one.kind, one.source, one.at_ms) for one in page.data_health()] == [
        (TRIMMED, "a", 1),
        (GAP, "a", 5),
        (GAP, "b", 3),
        (DELAY, "a", 9),
    ]
    assert page.found == {DELAY: 1, GAP: 3, TRIMMED: 1}


def test_what_was_said_longest_ago_leaves_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "KEEP_DATA_HEALTH", 2)
    page = Board()
    for source in ("a", "b", "a", "c"):
        page.take_data_health(said(GAP, source, 1))
    assert {one.source for one in page.data_health()} == {"a", "c"}


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b'{"kind": 1}', said(GAP, "a", 1).replace(b":1,", b':"x",', 1)]
)
def test_a_foreign_message_is_said_so(value: bytes) -> None:
    with pytest.raises(ForeignMessage):
        Board().take_data_health(value)
