"""The division of a flow among the windows that it covers: the reference of `addition.add_line`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.sums.lines import SPREAD_MAX_S, ParsedLine


class Share(NamedTuple):
    """The part of a flow in one window; times are epoch seconds."""

    window: int
    flows: int
    packets: int
    bytes: int
    first: int
    last: int


def shares(row: ParsedLine, window_s: int, *, is_spread: bool) -> Iterator[Share]:
    """Yield the share of each window that a line belongs to."""
    window = row.start // window_s * window_s
    if not is_spread or not window + window_s <= row.end < row.start + SPREAD_MAX_S:
        yield Share(window, 1, row.packets, row.bytes, row.start, row.end)
        return
    seconds = row.end - row.start + 1
    packets = size = 0  # before the window
    for begin in range(window, row.end + 1, window_s):
        first, last = max(begin, row.start), min(begin + window_s - 1, row.end)
        upto = last - row.start + 1
        share = Share(
            begin,
            int(begin == window),
            row.packets * upto // seconds - packets,
            row.bytes * upto // seconds - size,
            first,
            last,
        )
        packets, size = packets + share.packets, size + share.bytes
        if share.flows or share.packets or share.bytes:
            yield share
