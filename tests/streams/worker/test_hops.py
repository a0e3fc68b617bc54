"""The number check of the law of the hop: skip what was seen, apply what is next, rewind at a jump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.numbering import Input, NumbersWentBack, Output, Rewind, Sequence
from streams.worker.hops import FLUSH_BEHIND_S, FLUSH_MAX_S, FLUSH_S, SHARE, Pace


@pytest.mark.parametrize("number", [0, 3, 6, 7])
def test_a_number_seen_before_is_skipped(number: int) -> None:
    assert Sequence(7, 70).check(number, 63 + number) is False


@pytest.mark.parametrize("number", [0, 3, 7])
def test_a_lower_number_at_a_newer_offset_stops_the_hop(number: int) -> None:
    with pytest.raises(NumbersWentBack, match=f"number {number} at offset 71 follows number 7"):
        Sequence(7, 70).check(number, 71)


def test_the_next_number_is_applied() -> None:
    assert Sequence(7, 70).check(8, 71) is True


@pytest.mark.parametrize(("number", "missing"), [(9, 1), (10, 2), (1000, 992)])
def test_a_jump_asks_for_the_offset_after_the_last_applied(number: int, missing: int) -> None:
    assert Sequence(7, 70).check(number, 99) == Rewind(offset=71, missing=missing)


def test_a_new_sequence_begins_at_zero() -> None:
    assert Sequence().check(0, 0) is True
    assert Sequence().check(2, 5) == Rewind(offset=0, missing=2)


def test_checking_changes_nothing() -> None:
    sequence = Sequence(7, 70)
    for number in (3, 8, 20):
        sequence.check(number, number)
    assert sequence == Sequence(7, 70)


@given(st.lists(st.integers(0, 12), max_size=60))
def test_whatever_arrives_is_applied_once_and_in_order(arrivals: list[int]) -> None:
    """A log of which any parts are repeated or dropped, and which is read again where a rewind says."""
    log = list(range(13))
    sequence, applied = Sequence(), []
    for arrived in arrivals:
        verdict = sequence.check(arrived, arrived)
        read = log[verdict.offset : arrived + 1] if isinstance(verdict, Rewind) else [arrived]
        for number in read:
            if sequence.check(number, number) is True:
                applied.append(number)
                sequence.advance(Input(number, {"number": b"%d" % number}, b""))
    assert applied == log[: len(applied)]
    assert len(applied) == max(arrivals, default=-1) + 1


def test_a_numbered_message_is_read_back_as_an_input() -> None:
    message = Output(16, 400).message("partials", 3, b"rows", 5, producer=b"2")
    read = Input(99, dict(message.headers), message.value or b"")
    assert (read.number(), read.number("producer"), read.value) == (17, 2, b"rows")
    assert (message.topic, message.partition, message.key) == ("partials", 3, None)
    assert (read.number("counted_before"), read.number("count")) == (400, 5)


@given(st.lists(st.integers(0, 9), min_size=3, max_size=9), st.data())
def test_a_gap_says_how_much_it_held(counts: list[int], data: st.DataObject) -> None:
    output, sequence = Output(), Sequence()
    log = [output.message("partials", 0, b"", count) for count in counts]
    read = [Input(at, dict(message.headers), b"") for at, message in enumerate(log)]
    first = data.draw(st.integers(0, len(counts) - 2))
    last = data.draw(st.integers(first + 1, len(counts) - 1))
    for message in read[:first]:
        sequence.advance(message)
    assert sequence.skip_gap(read[last]) == sum(counts[first:last])
    assert sequence.check(read[last].number(), last) is True


def test_a_gap_of_format_1_does_not_say_what_it_held() -> None:
    sequence = Sequence(3, 3)
    assert sequence.skip_gap(Input(9, {"number": b"9"}, b"")) is None
    assert (sequence.number, sequence.offset) == (8, 8)


@pytest.mark.parametrize(
    ("took_s", "age_s", "pause_s"),
    [
        (0.001, 0.0, FLUSH_S),
        (0.001, 0.5, FLUSH_S),
        (
            0.001,
            FLUSH_BEHIND_S + 0.5,
            FLUSH_S,
        ),  # what waited for a long pause does not make the next one long
        (0.2, 0.5, 0.2 * SHARE),
        (0.001, 5.0, FLUSH_BEHIND_S),
        (9.0, 5.0, FLUSH_MAX_S),
        (0.001, None, FLUSH_S),  # nobody knows when it arrived
    ],
)
def test_a_hop_that_is_slow_or_behind_holds_more(took_s: float, age_s: float | None, pause_s: float) -> None:
    pace, began = Pace(), 1_000.0
    arrival_ms = 0 if age_s is None else int((began - age_s) * 1000)
    assert pace.allows(began)
    pace.flushed(began, began + took_s, arrival_ms)
    assert not pace.allows(began + took_s + pause_s - 0.01)
    assert pace.allows(began + took_s + pause_s + 0.01)
