"""The lines of a file in the order of their times: all of them, and spans that never go back."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT
from emulator.ledger.from_file import entity_and_start
from emulator.load.file import Lines, batch_of
from emulator.load.file_order import SPAN_S, by_time, cut
from tests.build import line

SWAPPED = (*DEFAULT_FORMAT[:8], "bytes", "packets", *DEFAULT_FORMAT[10:])
FIRST = 1_790_000_000
starts = st.integers(FIRST, FIRST + 30 * 86_400)
parts = st.builds(
    lambda names, times, is_odd: Lines(
        names, [line(names, start=at) for at in times] + [b"no line"] * is_odd
    ),
    st.sampled_from([DEFAULT_FORMAT, SWAPPED]),
    st.lists(starts, max_size=20),
    st.booleans(),
)


def spans(found: list[Lines]) -> list[int]:
    """Return the span of each line."""
    return [entity_and_start(one, part.names)[1] // SPAN_S for part in found for one in part.lines]


@given(st.lists(parts, max_size=6))
def test_every_line_comes_once_with_its_format_and_spans_never_go_back(given_parts: list[Lines]) -> None:
    found = list(by_time(given_parts))
    assert spans(found) == sorted(spans(given_parts))
    assert Counter((part.names, one) for part in found for one in part.lines) == Counter(
        (part.names, one) for part in given_parts for one in part.lines
    )


@given(parts, st.integers(0, 1 << 40))
def test_a_batch_is_cut_into_spans_and_places_go_on(part: Lines, first: int) -> None:
    whole = batch_of(part, first, DEFAULT_FORMAT)
    cuts = list(cut(whole))
    found = [set((one.frame["start"] // SPAN_S).to_list()) for one in cuts]
    assert all(len(one) == 1 for one in found)
    assert [min(one) for one in found] == sorted({at // SPAN_S for at in whole.frame["start"].to_list()})
    assert [one.first for one in cuts] == [first + sum(c.lines for c in cuts[:i]) for i in range(len(cuts))]
    assert {one.header for one in cuts} <= {whole.header}
    assert sum(one.lines for one in cuts) == whole.lines
