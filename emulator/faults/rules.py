"""Faults on demand: which of the rules strike a call. Each is documented, with its fields, in `FAULTS.md`.

A rule names a fault and the calls it may befall: by operation, stream and shard, by how many such calls
came before, by the seconds since the rules were set, by chance, and by how often at most. Chance is a
function of the seed, the rule's place in the list and the number of calls that matched it so far, and of
nothing else: the same seed and calls give the same faults, whatever the time, the machine or the other rules.

Nothing is done here; `kinesis.faults.faulty` carries out what this decides, and `documents` reads rules from
people. Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Literal

Fault = Literal[
    "throttle",
    "internal_failure",
    "service_unavailable",
    "latency",
    "reset",
    "lost_response",
    "expired_iterator",
    "empty_while_behind",
    "null_iterator",
    "split",
    "merge",
    "clock_skew",
]
Effect = Literal["before", "after"]
RESHARDINGS = frozenset({"split", "merge"})
_ONLY_OF = {
    "expired_iterator": "GetRecords",
    "empty_while_behind": "GetRecords",
    "null_iterator": "GetRecords",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault and when it strikes. The fields from `effect` on are read by some faults only.

    `stream`, `shard` and `operations` are patterns with `*` and `?`. For a resharding `shard` is the one to
    be split or merged, whatever shard the call is about.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    fault: Fault
    operations: tuple[str, ...] = ("*",)
    stream: str = "*"
    shard: str = "*"
    probability: float = 1.0
    count: int | None = None
    after_calls: int = 0
    after_s: float = 0.0
    between_s: tuple[float, float] | None = None
    effect: Effect = "before"
    share: float = 1.0
    delay_ms: tuple[int, int] = (0, 0)
    hold_ms: int = 300_000
    behind_ms: int = 60_000
    skew_s: float = 0.0
    after_records: int = 0
    new_starting_hash_key: str = ""
    adjacent: str = ""

    def names_shard(self, shard_id: str) -> bool:
        """Say whether the rule is about a shard."""
        return fnmatchcase(shard_id, self.shard)


@dataclass(frozen=True, slots=True)
class Plan:
    """All rules, and the seed of their chances."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    seed: int = 0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What a call is about: the stream it names, the shards it reads or puts to, as far as it can be told."""

    operation: str
    stream: str = ""
    shards: frozenset[str] = frozenset()
    records_put: Callable[[str], int] = field(default=lambda _: 0, compare=False)


@dataclass(frozen=True, slots=True)
class Strike:
    """A rule that strikes a call; `chance(name)` are further numbers in [0, 1) that belong to it."""

    rule: Rule
    _key: str = ""

    def chance(self, name: object) -> float:
        """Return a number that the seed, the rule and the call decide."""
        return _chance(f"{self._key}/{name}")


class Faults:
    """A plan in force, and how often each of its rules has matched and struck."""

    def __init__(self, plan: Plan, started_ms: int) -> None:
        self.plan = plan
        self._started_ms = started_ms
        self._matched = [0] * len(plan.rules)
        self._struck = [0] * len(plan.rules)

    def decide(self, target: Target, now_ms: int) -> list[Strike]:
        """Count a call, and return the rules that strike it, in the order they were given."""
        elapsed_s = (now_ms - self._started_ms) / 1000
        strikes = []
        for at, rule in enumerate(self.plan.rules):
            if not _matches(rule, target) or not _is_time(rule, elapsed_s):
                continue
            if rule.after_records and target.records_put(rule.shard) < rule.after_records:
                continue
            self._matched[at] += 1
            strike = Strike(rule, f"{self.plan.seed}/{at}/{self._matched[at]}")
            if self._matched[at] <= rule.after_calls or self._is_spent(at, rule):
                continue
            if strike.chance("strikes") < rule.probability:
                self._struck[at] += 1
                strikes.append(strike)
        return strikes

    def counts(self) -> list[dict[str, int]]:
        """Return how many calls each rule has matched and struck, for those who look."""
        return [{"matched": m, "struck": s} for m, s in zip(self._matched, self._struck, strict=True)]

    def _is_spent(self, at: int, rule: Rule) -> bool:
        most = 1 if rule.count is None and rule.fault in RESHARDINGS else rule.count
        return most is not None and self._struck[at] >= most


def _matches(rule: Rule, target: Target) -> bool:
    if _ONLY_OF.get(rule.fault, target.operation) != target.operation:
        return False
    if not any(fnmatchcase(target.operation, pattern) for pattern in rule.operations):
        return False
    if rule.fault in RESHARDINGS:
        return target.stream != "" and fnmatchcase(target.stream, rule.stream)
    if not fnmatchcase(target.stream, rule.stream):
        return False
    return rule.shard == "*" or any(rule.names_shard(shard) for shard in target.shards)


def _is_time(rule: Rule, elapsed_s: float) -> bool:
    begins_s, ends_s = rule.between_s or (0.0, float("inf"))
    return max(begins_s, rule.after_s) <= elapsed_s < ends_s


def _chance(key: str) -> float:
    return int.from_bytes(blake2b(key.encode(), digest_size=7).digest(), "big") / 2**56
