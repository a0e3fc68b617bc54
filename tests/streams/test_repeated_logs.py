"""A log line of a library is logged once in a while, with the number of those that were left out."""

from __future__ import annotations

import logging

from streams.repeated_logs import AGAIN_S, KINDS_MAX, Repeated


class _Log:
    def __init__(self) -> None:
        self.now, self.lines = 0.0, list[str]()
        self._filter = Repeated(lambda: self.now)

    def warn(self, template: str, *args: object, name: str = "aiokafka") -> None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, template, args, None)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


def test_repeated_lines_are_counted_and_others_are_not_held_back() -> None:
    log = _Log()
    for node in range(5):
        log.warn("node %d is away", node)
        log.warn("node %d is away", node, name="faust")
    log.warn("other")
    log.now = AGAIN_S
    log.warn("node %d is away", 7)
    log.now = 2 * AGAIN_S
    log.warn("node %d is away", 8)
    assert log.lines == [
        "node 0 is away",
        "node 0 is away",
        "other",
        "node 7 is away (4 more like this were not logged)",
        "node 8 is away",
    ]


def test_memory_is_bounded() -> None:
    log = _Log()
    for number in range(3 * KINDS_MAX):
        log.warn(f"line {number}")
    assert len(log.lines) == 3 * KINDS_MAX
    assert len(log._filter._kinds) <= KINDS_MAX


def test_percent_signs_of_a_message_are_kept() -> None:
    log = _Log()
    for at in (0.0, 1.0, AGAIN_S):
        log.now = at
        log.warn("%s", "100%s")
    assert log.lines[-1].startswith("100%s (1 more")
