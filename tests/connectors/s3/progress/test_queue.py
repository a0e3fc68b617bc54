"""When an instance may claim that a queue is read: by rule, and in a simulation of many instances."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.progress import BEHIND, NONE, UNREAD, SourceProgress
from connectors.s3.progress.queue import (
    DRY_S,
    FRESH_S,
    HIDDEN_S,
    LOST_S,
    STALE_CLAIM_S,
    Poll,
    QueueCounts,
    QueueProgress,
)

CLEAR = QueueCounts(0, 0)


def started() -> QueueProgress:
    """Return one whose slots were assigned long ago."""
    progress = QueueProgress()
    progress.assigned(-HIDDEN_S)
    return progress


def settled(progress: QueueProgress, now: float, *done: bytes) -> int:
    progress.settle(lambda mark: mark in done, (), now, None)
    return progress.claimed


def test_an_empty_poll_claims_what_was_known_before_it() -> None:
    progress = started()
    progress.polled(Poll(0, 500, is_empty=True), 3)
    assert settled(progress, 3) == 500


def test_what_was_received_before_must_be_committed_first() -> None:
    progress = started()
    progress.polled(Poll(0, 400, marks=(b"a", b"b")), 1)
    progress.polled(Poll(1, 500, is_empty=True), 4)
    assert settled(progress, 4, b"a") == NONE
    progress.polled(Poll(4, 900, marks=(b"c",)), 5)
    progress.polled(Poll(5, 950, is_empty=True), 8)
    assert settled(progress, 8, b"b") == 500, "the older candidate is kept, and does not wait for c"


def test_the_first_claim_waits_for_messages_of_an_owner_that_died() -> None:
    progress = QueueProgress()
    progress.assigned(100)
    progress.polled(Poll(101, 500, is_empty=True), 104)
    assert settled(progress, 104) == NONE
    progress.polled(Poll(105, 500, is_empty=True), 108, QueueCounts(0, 1))
    assert settled(progress, 108) == NONE
    progress.polled(Poll(109, 600, is_empty=True), 112, CLEAR)
    assert settled(progress, 112) == 600, "the queue itself says that no message is hidden"
    progress.assigned(200)
    progress.polled(Poll(200 + HIDDEN_S, 700, is_empty=True), 300)
    assert settled(progress, 300) == 700


def test_an_empty_poll_proves_nothing_if_the_queue_counts_visible_messages() -> None:
    progress = started()
    progress.polled(Poll(0, 500, is_empty=True), 3, QueueCounts(7, 0))
    assert settled(progress, 3) == NONE


def test_a_busy_queue_that_is_never_empty_advances() -> None:
    progress = started()
    for second in range(int(DRY_S) + 1):
        progress.polled(Poll(second, 1000 + second, marks=(b"%d" % second,), oldest_s=2), second + 0.5)
        settled(progress, second + 0.5, *(b"%d" % n for n in range(second + 1)))
    assert progress.claimed == 1000


@pytest.mark.parametrize(
    "sign", [Poll(30, 1, is_full=True), Poll(30, 1, marks=(b"x",), oldest_s=FRESH_S + 1)]
)
def test_a_full_poll_and_an_old_message_are_signs_of_a_backlog(sign: Poll) -> None:
    progress = started()
    for second in range(int(DRY_S) + 20):
        poll = sign if second == 30 else Poll(second, 1000 + second, marks=(b"a",), oldest_s=2)
        progress.polled(poll, second + 0.5)
        settled(progress, second + 0.5, b"a", b"x")
    assert progress.claimed == NONE


def test_nothing_is_claimed_while_an_export_runs() -> None:
    progress = started()
    for second in range(200):
        progress.polled(Poll(second, 500, is_empty=True, is_held=True), second + 0.5)
    assert settled(progress, 200) == NONE


def test_a_message_that_others_took_from_the_queue_is_given_up() -> None:
    progress = started()
    progress.polled(Poll(0, 400, marks=(b"a",)), 1)
    progress.polled(Poll(1, 500, is_empty=True), 4)
    assert progress.settle(lambda _: False, (), HIDDEN_S, CLEAR) == []
    assert progress.settle(lambda _: False, (b"a",), 2 * LOST_S, CLEAR) == []
    assert progress.settle(lambda _: False, (), HIDDEN_S + 2, QueueCounts(0, 1)) == []
    assert progress.settle(lambda _: False, (), HIDDEN_S + 2, CLEAR) == [b"a"]
    assert progress.claimed == 500


def test_a_slot_is_behind_until_something_is_claimed() -> None:
    progress = started()
    assert progress.of_slot("q", NONE, 0) == (NONE, SourceProgress("q", UNREAD, NONE))
    assert progress.of_slot("q", 300, 0) == (300, SourceProgress("q", BEHIND, 300))
    progress.polled(Poll(0, 500, is_empty=True), 3)
    settled(progress, 3)
    assert progress.of_slot("q", 300, 4) == (500, None)
    assert progress.of_slot("q", 300, 4 + STALE_CLAIM_S) == (500, SourceProgress("q", BEHIND, 500))


class World:
    """A queue without order, some instances with two slots each, and objects of increasing age."""

    def __init__(self, seed: int, instances: int, backlog: int, *, counts: bool) -> None:
        self.random, self.counts = random.Random(seed), counts
        self.now = 0.0
        self.visible = dict.fromkeys(range(backlog), 0.0)  # sent at
        self.hidden: dict[int, float] = {}  # until
        self.sent = dict.fromkeys(range(backlog), -3600.0)
        self.next = backlog
        self.done: set[bytes] = set()
        self.newest = NONE
        self.slots = dict.fromkeys(range(2 * instances), NONE)
        self.parts = [QueueProgress() for _ in range(instances)]
        self.hands: list[set[int]] = [set() for _ in range(instances)]
        self.alive = [True] * instances
        for part in self.parts:
            part.assigned(0.0)

    def owner(self, event_time: int) -> int:
        return event_time % len(self.slots) // 2

    def step(self) -> None:
        self.now += self.random.choice([0.1, 1.0, 3.0])
        for one in [one for one, until in self.hidden.items() if until <= self.now]:
            if not any(one in hand for at, hand in enumerate(self.hands) if self.alive[at]):
                self.visible[one] = self.hidden.pop(one)
        if self.random.random() < 0.3:
            self.visible[self.next], self.sent[self.next] = 0.0, self.now
            self.next += 1
        at = self.random.randrange(len(self.parts))
        if self.alive[at]:
            self.random.choice([self.poll, self.commit, self.commit])(at)
        elif self.random.random() < 0.05:
            self.alive[at] = True
            self.parts[at] = QueueProgress()
            self.parts[at].assigned(self.now)
        if self.random.random() < 0.01:
            self.alive[at] = False  # Its messages stay hidden for a while.
            self.hands[at] = set()
        assert min(self.slots.values()) <= min(self.uncommitted(), default=self.next), "a promise is broken"

    def uncommitted(self) -> list[int]:
        return [one for one in self.sent if b"%d" % one not in self.done]

    def poll(self, at: int) -> None:
        began, newest = self.now, self.newest
        taken = self.random.sample(sorted(self.visible), min(len(self.visible), self.random.randint(1, 10)))
        for one in taken:
            del self.visible[one]
            self.hidden[one] = self.now + (60.0 if self.owner(one) == at else 1.0)
            if self.owner(one) == at:
                self.hands[at].add(one)
        marks = tuple(b"%d" % one for one in taken if b"%d" % one not in self.done)
        oldest_s = max((self.now - self.sent[one] for one in taken), default=0.0)
        self.now += 0.0 if taken else 3.0
        poll = Poll(began, newest, len(taken) == 10, not taken, marks, oldest_s)
        self.parts[at].polled(poll, self.now, self.counted(at))
        self.settle(at)

    def counted(self, at: int) -> QueueCounts | None:
        hidden = [one for one in self.hidden if one not in self.hands[at]]
        return QueueCounts(len(self.visible), len(hidden)) if self.counts else None

    def commit(self, at: int) -> None:
        if self.hands[at]:
            one = self.random.choice(sorted(self.hands[at]))
            self.hands[at].discard(one)
            self.hidden.pop(one, None)
            self.done.add(b"%d" % one)
            self.newest = max(self.newest, one)
        self.settle(at)

    def settle(self, at: int) -> None:
        in_hand = {b"%d" % one for one in self.hands[at]}
        self.parts[at].settle(self.done.__contains__, in_hand, self.now, self.counted(at))
        for slot in (2 * at, 2 * at + 1):
            self.slots[slot], _ = self.parts[at].of_slot("q", self.slots[slot], self.now)


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 300), st.booleans())
def test_no_claim_passes_a_message_that_is_not_committed(
    seed: int, instances: int, backlog: int, counts: bool
) -> None:
    """Though instances die with messages in hand, and give each other what is the other's."""
    world = World(seed, instances, backlog, counts=counts)
    for _ in range(1500):
        world.step()


@pytest.mark.parametrize("instances", [1, 3])
def test_the_claims_of_a_queue_that_is_read_reach_its_end(instances: int) -> None:
    world = World(7, instances, 300, counts=False)
    for _ in range(6000):
        world.step()
    assert min(world.slots.values()) > 300
