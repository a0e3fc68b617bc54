"""What was committed is known, whatever is packed, reopened and deleted between; what was not is not."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.firehose import committed_requests
from connectors.firehose.committed_requests import KEEP_MS, KEY_PREFIX, PACK_MARKS, CommittedRequests, known

NOW_MS = 1_700_000_000_000


def opened(state: dict[bytes, bytes]) -> CommittedRequests:
    """Return the marks of a slot that was opened."""
    marks = CommittedRequests(state, {})
    for _ in marks.load():
        pass
    return marks


class Kept:
    """A slot's state, and the marks in it: written as a committer writes them."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {b"number": b"5", b"shard|s|a": b"{}"}
        self.marks = opened(self.state)

    def commit(self, request_ids: list[str], now_ms: int = NOW_MS, *, prunes: bool = False) -> None:
        change = self.marks.change(request_ids, now_ms, prunes=prunes)
        for key, value in change.state.items():
            if value is None:
                del self.state[key]
            else:
                self.state[key] = value
        self.marks.committed(change)

    def expired(self, now_ms: int) -> list[bytes]:
        return list(self.marks.change([], now_ms, prunes=True).state)

    @property
    def packs(self) -> set[bytes]:
        return {key for key in self.state if key.startswith(KEY_PREFIX)}


def names(first: int, count: int) -> list[str]:
    return [f"request-{n}" for n in range(first, first + count)]


HOUR_MS = 3_600_000
STEPS = st.tuples(st.integers(0, 600), st.sampled_from([0, 1, 29, 30]), st.booleans(), st.booleans())


@given(st.lists(STEPS, max_size=12))
@example([(100, 0, False, False), (200, 30, True, False)])  # an old pack that is written on, and overflows
@example([(100, 0, False, False), (200, 30, True, False), (600, 1, False, True), (9, 30, True, False)])
def test_what_may_come_again_is_known_and_what_may_not_is_deleted(
    steps: list[tuple[int, int, bool, bool]],
) -> None:
    """Whatever time passes between, and whenever packs are deleted and the slot is opened again."""
    kept, total, now_ms = Kept(), 0, NOW_MS
    committed: list[tuple[str, int]] = []
    for count, hours, prunes, is_reopened in steps:
        now_ms += hours * HOUR_MS
        kept.commit(names(total, count), now_ms, prunes=prunes)
        committed += [(name, now_ms) for name in names(total, count)]
        total += count
        if is_reopened:
            kept.marks = opened(kept.state)
        young = [name for name, at_ms in committed if now_ms - at_ms < KEEP_MS]
        assert all(name in kept.marks for name in young)
        assert known(kept.state) >= len(young)
    assert not any(name in kept.marks for name in names(total, 50))
    for _ in range(2):
        kept.commit([], now_ms + KEEP_MS, prunes=True)
    assert kept.packs == set()


def test_packs_are_full_before_another_begins() -> None:
    kept = Kept()
    for first in range(0, 1_000, 100):
        kept.commit(names(first, 100))
    assert known(kept.state) == 1_000
    assert len(kept.packs) == -(-1_000 // PACK_MARKS)


def test_what_is_written_and_not_committed_is_not_known() -> None:
    """Who brings it again must wait for the transaction, not be told that it is done."""
    kept = Kept()
    assert kept.marks.change(["a"], NOW_MS).state
    assert "a" not in kept.marks
    assert kept.marks.change([], NOW_MS).state == {}


def test_packs_are_kept_as_long_as_their_newest_may_come_again_and_no_longer() -> None:
    kept = Kept()
    kept.commit(names(0, PACK_MARKS), NOW_MS)
    kept.commit(names(PACK_MARKS, PACK_MARKS - 1), NOW_MS)
    kept.commit(["last"], NOW_MS + 1)
    assert kept.expired(NOW_MS + KEEP_MS - 1) == []
    assert kept.expired(NOW_MS + KEEP_MS) == [b"requests|0"]
    kept.commit(["new"], NOW_MS + KEEP_MS, prunes=True)
    assert kept.packs == {b"requests|1", b"requests|2"}
    assert "last" in kept.marks
    kept.commit([], NOW_MS + 2 * KEEP_MS, prunes=True)
    assert kept.packs == set()
    assert kept.expired(NOW_MS + 3 * KEEP_MS) == []
    assert not any(name in kept.marks for name in [*names(0, PACK_MARKS), "last", "new"])
    kept.commit(["after"], NOW_MS + 3 * KEEP_MS)
    assert "after" in opened(kept.state)


def test_the_newest_pack_is_not_deleted_while_it_is_written() -> None:
    """One key cannot be both in one transaction; it goes when it is old and nothing comes."""
    kept = Kept()
    kept.commit(["old"], NOW_MS)
    kept.commit(["new"], NOW_MS + KEEP_MS, prunes=True)
    assert kept.packs == {b"requests|0"}
    assert "new" in kept.marks
    assert "new" in opened(kept.state)
    kept.commit([], NOW_MS + 2 * KEEP_MS, prunes=True)
    assert kept.packs == set()
    assert "old" not in kept.marks


def test_nothing_is_known_before_it_is_loaded() -> None:
    kept = Kept()
    kept.commit(names(0, 3 * PACK_MARKS))
    again = CommittedRequests(kept.state, {})
    steps = again.load()
    next(steps)
    assert [name in again for name in (names(0, 1)[0], names(2 * PACK_MARKS, 1)[0])] == [True, False]
    assert len(list(steps)) == 2
    assert all(name in again for name in names(0, 3 * PACK_MARKS))


def test_a_transaction_deletes_so_many_packs_and_no_more() -> None:
    kept = Kept()
    kept.commit(names(0, (committed_requests.PRUNED_MAX + 2) * PACK_MARKS), NOW_MS)
    assert len(kept.expired(NOW_MS + KEEP_MS)) == committed_requests.PRUNED_MAX


def test_marks_outlive_awss_longest_retry() -> None:
    """7,200 s of pauses that double to 120 s, each attempt 180 s; and the 24 h that a stream keeps data."""
    pauses, pause_s = 0.0, 1.0
    attempts = 1
    while pauses < 7_200:
        pauses += min(pause_s, 120.0) * 0.85  # the jitter that makes most attempts
        pause_s *= 2
        attempts += 1
    assert (24 * 3600 + 7_200 + attempts * 180) * 1000 <= KEEP_MS
