"""The answer of `/api/stats`: the live numbers, the watermark, delays, and sizes. Pure."""

from __future__ import annotations

from typing import Any

from connectors.progress import NONE
from streams.web import query
from streams.web.state import settling
from streams.web.state.board import Board


def stats(board: Board, now: float) -> dict[str, Any]:
    """Return the numbers and sizes of the board at `now`, as plain values."""
    latencies = board.latencies
    return {
        "numbers": query.numbers(board, now),
        "watermark": _watermark(board, now),
        "end_to_end": {
            "count": latencies.count,
            "p50_ms": latencies.quantile_ms(0.5),
            "p99_ms": latencies.quantile_ms(0.99),
        },
        "dead": dict(board.dead),
        "messages": dict(board.messages),
        "foreign": dict(board.foreign),
        "behind_messages": board.behind_messages,
        "conversations": {
            "is_read": board.has_conversations,
            "windows": len(board.conversations),
            "bytes": board.conversations.size_bytes,
            "superseded": board.conversations.superseded,
        },
        "windows": len(board.history),
        "enis": board.history.enis,
    }


def _watermark(board: Board, now: float) -> dict[str, Any]:
    progress, windows = board.progress, board.history.windows()
    return {
        "complete_to": _known(progress.complete_to),
        "newest": _known(progress.newest),
        "settled_to": _known(settling.settled_to(windows, progress.complete_to)),
        "allowance_s": settling.allowance_s(windows),
        "held": [
            {"slot": one.slot, "complete_to": _known(one.complete_to), "text": one.text}
            for one in progress.held(now)
        ],
        "windows_ahead": board.history.ahead,
    }


def _known(event_time: int) -> int | None:
    return None if event_time == NONE else event_time
