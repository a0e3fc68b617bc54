"""The division of a flow among the windows that it covers: the reference of `addition.add_spread`. Pure.

A flow log with an aggregation interval of 600 s reports flows of up to 600 s. Without spread, such a flow
belongs to the window of its `start`. With spread `even`, each window gets the packets and bytes in proportion
to the seconds of the flow that lie in it; a flow covers all seconds from `start` to `end`, both included. The
sum up to the end of a window is rounded down, so that the shares are integers that add up to the totals, and
remainders belong to later windows. The flow itself counts once, in the window of its `start`. A later window
whose share is nothing gets no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.sums.lines import ParsedLine

SPREAD_MAX_S = 900
"""A flow that is longer is not divided: its `end` is wrong, because AWS's longest interval is 600 s."""

SPREADS = ("none", "even")


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
