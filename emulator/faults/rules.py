"""Fault rules, and the decision which of them apply to a call. `docs/faults.md` documents each fault. Pure.

A rule selects calls by operation, stream and shard, by the number of earlier matching calls, by the seconds
since the rules were set, by probability, and by a maximum count. The random numbers depend only on the seed,
the rule's place in the list and the number of calls that it has matched. The same seed and calls therefore
give the same faults on every machine.

`kinesis.faults.faulty` carries out the decisions. Time is an argument.
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
    """A fault with the conditions for it. The fields from `effect` on are for some faults only.

    `stream`, `shard` and `operations` are patterns with `*` and `?`. For `split` and `merge`, `shard` is the
    shard to reshard, independently of the call's shards.
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
        """Return True if the rule's pattern matches a shard."""
        return fnmatchcase(shard_id, self.shard)


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules, and the seed of their random numbers."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    seed: int = 0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """The stream and the shards of a call, as far as they are known, for the selection by rules."""

    operation: str
    stream: str = ""
    shards: frozenset[str] = frozenset()
    records_put: Callable[[str], int] = field(default=lambda _: 0, compare=False)


@dataclass(frozen=True, slots=True)
class Strike:
    """A rule that applies to a call. `chance(name)` returns its random numbers in [0, 1)."""

    rule: Rule
    _key: str = ""

    def chance(self, name: object) -> float:
        """Return the random number of this name, determined by the seed, the rule and the call."""
        return _chance(f"{self._key}/{name}")


class Faults:
    """An active plan, with the number of matches and strikes of each rule."""

    def __init__(self, plan: Plan, started_ms: int) -> None:
        self.plan = plan
        self._started_ms = started_ms
        self._matched = [0] * len(plan.rules)
        self._struck = [0] * len(plan.rules)

    def decide(self, target: FaultTarget, now_ms: int) -> list[Strike]:
        """Count a call, and return the rules that apply to it, in their order."""
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
        """Return the number of matches and strikes of each rule, for the faults page."""
        return [{"matched": m, "struck": s} for m, s in zip(self._matched, self._struck, strict=True)]

    def _is_spent(self, at: int, rule: Rule) -> bool:
        most = 1 if rule.count is None and rule.fault in RESHARDINGS else rule.count
        return most is not None and self._struck[at] >= most


def _matches(rule: Rule, target: FaultTarget) -> bool:
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
