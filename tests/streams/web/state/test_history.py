"""The history holds the newest windows exactly, whatever the order in which they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records import Aggregate
from streams.web.state.history import ACCEPT, AHEAD_S, REJECT, ForeignMessage, History, count_shown


def aggregate(eni: str = "eni-a", action: str = "ACCEPT", start: int = 60, **fields: int) -> Aggregate:
    """Build an aggregate; what is not given is plausible."""
    flows, size, revision = fields.get("flows", 1), fields.get("size", 100), fields.get("revision", 1)
    return Aggregate(
        eni, action, start, 60, flows, flows * 2, size, start, start, {}, 0, 0, revision,
        bool(fields.get("final", 0)), fields.get("arrival_ms", 0),
    )  # fmt: skip


def add(history: History, one: Aggregate) -> int:
    """Apply an aggregate as it stands on the topic."""
    return history.read(one.encode())


def contents(history: History) -> object:
    """Return what a history says, without the order in which it learned it."""
    windows = history.windows()
    sums = history.by_eni(windows)
    return (
        [(w.start, w.totals, w.is_final) for w in windows],
        {name: sums[i].tolist() for i, name in enumerate(history.names) if sums[i].any()},
    )


upserts = st.lists(
    st.builds(
        lambda eni, action, window, revision, final: aggregate(
            eni,
            action,
            window * 60,
            revision=revision,
            flows=revision * 3 + len(eni),
            size=revision * 1000,
            final=final,
        ),
        st.sampled_from(["eni-a", "eni-bb", "eni-ccc"]),
        st.sampled_from(["ACCEPT", "REJECT", "-", "NODATA"]),
        st.integers(0, 5),
        st.integers(1, 9),
        st.integers(0, 1),
    ),
    max_size=40,
)


@given(upserts, st.randoms(use_true_random=False))
def test_order_of_upserts_is_irrelevant(some: list[Aggregate], chance: object) -> None:
    shuffled = some.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    straight, mixed = History(10), History(10)
    for each in some:
        add(straight, each)
    for each in shuffled + some:
        add(mixed, each)
    assert contents(straight) == contents(mixed)


@given(upserts)
def test_totals_are_the_sum_of_the_newest_revisions(some: list[Aggregate]) -> None:
    history, newest = History(10), dict[bytes, Aggregate]()
    for each in some:
        add(history, each)
        if each.key not in newest or each.revision >= newest[each.key].revision:
            newest[each.key] = each
    for window in history.windows():
        for lane, action in ((ACCEPT, "ACCEPT"), (REJECT, "REJECT")):
            own = [a for a in newest.values() if a.action == action and a.window_start == window.start]
            expected = [sum(a.flows for a in own), sum(a.packets for a in own), sum(a.bytes for a in own)]
            assert window.totals[lane] == expected


@given(upserts)
def test_totals_of_enis_add_up_to_those_of_windows(some: list[Aggregate]) -> None:
    history = History(3)
    for each in some:
        add(history, each)
    windows = history.windows()
    traffic = np.array([w.totals[:3] for w in windows], np.int64).reshape(-1, 3, 3).sum(axis=(0, 1))
    assert history.by_eni(windows).sum(axis=0)[:3].tolist() == traffic.tolist()


def test_oldest_window_makes_room_and_its_enis_too() -> None:
    history = History(2)
    for number in range(200):
        add(history, aggregate(f"eni-{number}", start=number * 60))
    assert [window.start for window in history.windows()] == [198 * 60, 199 * 60]
    assert history.enis == 2
    assert len(history.names) <= 4


def test_window_older_than_all_is_counted_and_not_kept() -> None:
    history = History(2)
    for start in (120, 180, 60):
        add(history, aggregate(start=start))
    assert history.aged == 1
    assert [window.start for window in history.windows()] == [120, 180]


def test_older_revision_is_counted_and_changes_nothing() -> None:
    history = History()
    add(history, aggregate(revision=2, size=500))
    version = history.version
    add(history, aggregate(revision=1, size=9))
    assert history.windows()[0].totals[ACCEPT] == [1, 2, 500]
    assert (history.superseded, history.version) == (1, version)


def test_facts_about_the_log_are_not_traffic() -> None:
    history = History()
    add(history, aggregate(action="SKIPDATA", flows=7))
    assert history.by_eni(history.windows()).sum() == 0
    assert len(history) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"eni": 7}, {"eni": None}, {"bytes": "12"}, {"flows": 1.5}, {"packets": 2**63}, {"window_s": 0},
        {"window_start": "60"}, {"action": "MAYBE"}, {"action": []}, {"oldest_arrival_ms": None},
        {"revision": None},
    ],
)  # fmt: skip
def test_foreign_message_is_refused_and_changes_nothing(change: dict[str, object]) -> None:
    history = History()
    row = {**orjson.loads(aggregate().encode()), **{k: v for k, v in change.items() if v != 2**63}}
    value = orjson.dumps(row)
    if 2**63 in change.values():
        value = value.replace(b'"packets":2', b'"packets":9223372036854775808')
    with pytest.raises(ForeignMessage):
        history.read(value)
    assert (len(history), history.version, history.enis) == (0, 0, 0)


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{}", b"\xff\x00", b'"text"', b"12"])
def test_foreign_bytes_are_refused(value: bytes) -> None:
    with pytest.raises(ForeignMessage):
        History().read(value)


def test_a_window_is_final_when_every_row_of_it_is() -> None:
    history = History()
    assert add(history, aggregate(arrival_ms=1234)) == 1234
    add(history, aggregate("eni-b", final=1))
    assert not history.windows()[0].is_final
    add(history, aggregate(final=1))
    assert history.windows()[0].is_final
    add(history, replace(aggregate(), final=False))  # the same revision, read again
    assert history.windows()[0].is_final


NOW = 1_000_000
DAY_S = 86_400


@pytest.mark.parametrize("now", [NOW, NOW + 30 * DAY_S], ids=["live", "last month"])
def test_a_future_timestamp_leaves_the_one_hour_view_its_60_points(now: int) -> None:
    history = History()
    starts = [NOW - 3600 + number * 60 for number in range(60)]
    for start in [*starts[:30], NOW + 2 * DAY_S, NOW + 3 * DAY_S, *starts[30:]]:
        history.read(aggregate(start=start).encode(), now)
    assert [window.start for window in history.windows(3600)] == starts
    assert (history.ahead, len(history)) == (2, 62)


def test_windows_ahead_are_shown_once_event_time_has_reached_them() -> None:
    history = History()
    for number in range(10):
        history.read(aggregate(start=number * 60).encode(), NOW)
    for number in range(3):
        history.read(aggregate(start=2 * DAY_S + number * 60).encode(), NOW)
        assert history.ahead == (number + 1 if number < 2 else 0)
    assert len(history.windows()) == 13


def test_traffic_of_the_present_is_shown_after_any_pause() -> None:
    history = History()
    for start in (NOW - 5 * DAY_S, NOW - 5 * DAY_S + 60, NOW - 5 * DAY_S + 120, NOW - 120):
        history.read(aggregate(start=start).encode(), NOW)
    assert (len(history.windows()), history.ahead) == (4, 0)


def test_sparse_traffic_is_never_ahead() -> None:
    history = History()
    for number in range(10):
        history.read(aggregate(start=number * DAY_S).encode(), NOW + 90 * DAY_S)
    assert (len(history.windows()), history.ahead) == (10, 0)


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=60), st.integers(0, 5000))
def test_what_is_ahead_is_always_a_few_windows_beyond_a_gap(numbers: set[int], now: int) -> None:
    spans = [(number * 60, number * 60 + 60) for number in sorted(numbers)]
    shown = count_shown(spans, now * 60)
    assert 0 < shown <= len(spans)
    if shown < len(spans):
        assert spans[shown][0] - spans[shown - 1][1] > AHEAD_S
        assert not [end for _, end in spans[shown:] if now * 60 - AHEAD_S <= end <= now * 60]


def test_windows_ahead_do_not_push_out_the_others() -> None:
    history = History(30)
    for number in range(10):
        history.read(aggregate(start=number * 60).encode(), NOW)
    for number in range(1, 100):
        history.read(aggregate(f"eni-{number}", start=number * DAY_S).encode(), NOW)
    for number in range(10, 60):
        history.read(aggregate(start=number * 60).encode(), NOW)
    assert [w.start for w in history.windows()] == [number * 60 for number in range(60 - 30 + 16, 60)]
    assert (history.ahead, history.ahead_dropped > 0, len(history)) == (16, True, 30)


def test_range_is_counted_back_from_the_newest_end() -> None:
    history = History()
    for number in range(30):
        add(history, aggregate(start=number * 60))
    assert [w.start for w in history.windows(900)] == [number * 60 for number in range(15, 30)]
