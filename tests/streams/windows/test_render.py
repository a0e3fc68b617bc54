"""Rendering: equal to the plainest Python, for any numbers and texts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.windows.render import NO_TEXTS, Column, Texts, render

NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
WORDS = st.lists(st.text(max_size=6), min_size=1, max_size=5)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 4)), max_size=8), WORDS, st.text(max_size=4))
def test_a_row_is_its_columns_one_after_the_other(
    rows: list[tuple[int, int]], words: list[str], between: str
) -> None:
    chosen = [(number, at % len(words)) for number, at in rows]
    values = np.array(chosen, np.int64).reshape(-1, 2)
    texts = render([Column("<", values[:, 0]), Column(between, values[:, 1], Texts.of(words))], ">")
    assert texts.bytes() == [f"<{number}{between}{words[at]}>".encode() for number, at in chosen]


@given(WORDS, WORDS)
def test_tables_are_joined(first: list[str], more: list[str]) -> None:
    joined = NO_TEXTS.followed_by(Texts.of(first)).followed_by(Texts.of(more))
    assert joined.bytes() == [word.encode() for word in first + more]


def test_what_was_rendered_can_be_chosen_from() -> None:
    inner = render([Column("", np.array([7, 123]))])
    outer = render([Column("[", np.array([1, 0, 1]), inner)], "]")
    assert outer.bytes() == [b"[123]", b"[7]", b"[123]"]
