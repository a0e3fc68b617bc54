"""The conversations of the page: the newest revision of each interface and window, in bounded memory."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.conversations import published
from streams.conversations.published import PUBLISHED
from streams.web.state.conversations import KEEP_WINDOWS, Conversations
from streams.web.state.history import ForeignMessage
from tests.streams.topics.rows import CONVERSATION, T0, conversations

one_message = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=4, unique=True
).flatmap(lambda keys: st.tuples(st.just(keys), st.integers(1, 6), st.integers(1, 3)))


def shown(kept: Conversations) -> dict[tuple[str, int], list[int]]:
    """Return the revisions of the rows by interface and window."""
    found: dict[tuple[str, int], list[int]] = {}
    for table in kept.tables(0, 1 << 40):
        for row in table.select(pl.col("eni").cast(pl.String), "window_start", "revision").iter_rows():
            found.setdefault(row[:2], []).append(row[2])
    return found


@given(st.lists(one_message, max_size=40))
def test_the_newest_revision_of_each_interface_and_window_is_kept_in_any_order(
    messages: list[tuple[list[tuple[int, int]], int, int]],
) -> None:
    kept, expected = Conversations(), dict[tuple[str, int], tuple[int, int]]()
    for keys, revision, rows in messages:
        changes = [
            {"eni": f"eni-{eni}", "window_start": T0 + 60 * window, "revision": revision, "port": port}
            for eni, window in keys
            for port in range(rows)
        ]
        kept.take(conversations(*changes))
        for eni, window in keys:
            key = f"eni-{eni}", T0 + 60 * window
            if revision > expected.get(key, (0, 0))[0]:
                expected[key] = revision, rows
    assert shown(kept) == {key: [revision] * rows for key, (revision, rows) in expected.items()}


def test_the_oldest_windows_leave_by_number_and_by_memory() -> None:
    kept = Conversations()
    for number in range(KEEP_WINDOWS + 5):
        kept.take(conversations({"window_start": T0 + 60 * number}))
    assert kept.starts == [T0 + 60 * number for number in range(5, KEEP_WINDOWS + 5)]
    kept.take(conversations({"window_start": T0}))
    assert T0 not in kept.starts
    small = Conversations(memory_mb=1)
    wide = pl.DataFrame([CONVERSATION] * 3000, schema=PUBLISHED)
    for number in range(9):
        small.take(published.encode(wide.with_columns(window_start=pl.lit(T0 + 60 * number, pl.Int64))))
    assert small.size_bytes <= 1 << 20
    assert 1 <= len(small) < 9
    assert small.starts[-1] == T0 + 480


@given(st.binary(max_size=60) | st.integers(0, 900).map(lambda size: conversations({})[:size]))
def test_a_foreign_message_changes_nothing(value: bytes) -> None:
    kept = Conversations()
    with pytest.raises(ForeignMessage):
        kept.take(value)
    assert len(kept) == 0
