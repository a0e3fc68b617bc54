"""Subscription filters with a destination in this emulator: storage by log group, and validation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.flowlogs.subscriptions.patterns import Matches
from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol.wire import Request
from emulator.kinesis.shapes.members import Member
from emulator.scope import Scope

FILTERS_MAX = 5
"""For each log group: CloudWatch Logs guide, "Quotas", since 2026. It was 2, and the API reference, botocore
1.44 and LocalStack's recording of 2026-02-06 still say so."""

_GROUP = Member("logGroupName", "String", pattern=r"[\.\-_/#A-Za-z0-9]+", least=1, most=512, required=True)
_NAME = Member("filterName", "String", pattern="[^:*]*", least=1, most=512, required=True)
_DISTRIBUTIONS = ("Random", "ByLogStream")

# Source: botocore's model, `logs/2014-03-28`.
SHAPES: dict[str, tuple[Member, ...]] = {
    "PutSubscriptionFilter": (
        _GROUP,
        _NAME,
        Member("filterPattern", "String", least=0, most=1024, required=True),
        Member("destinationArn", "String", least=1, required=True),
        Member("roleArn", "String", least=1),
        Member("distribution", "String", one_of=_DISTRIBUTIONS),
        Member("applyOnTransformedLogs", "Boolean"),
        Member("fieldSelectionCriteria", "String", least=0, most=2000),
        Member("emitSystemFields", "List", members=(Member("member", "String", least=1),)),
    ),
    "DescribeSubscriptionFilters": (
        _GROUP,
        Member("filterNamePrefix", "String", pattern="[^:*]*", least=1, most=512),
        Member("nextToken", "String", least=1),
        Member("limit", "Integer", least=1, most=50),
    ),
    "DeleteSubscriptionFilter": (_GROUP, _NAME),
}

_NOT_SUPPORTED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields")
_ARN = re.compile(
    r"arn:aws[a-z-]*:(kinesis|firehose):([a-z0-9-]+):(\d{12}):(?:stream|deliverystream)/([\w.-]+)"
)


@dataclass(frozen=True, slots=True)
class SubscriptionDestination:
    """A Kinesis stream or a delivery stream."""

    service: str
    scope: Scope
    name: str
    arn: str

    @classmethod
    def read(cls, arn: str) -> SubscriptionDestination | None:
        """Return the destination of an ARN, or None if it is neither a stream nor a delivery stream."""
        found = _ARN.fullmatch(arn)
        return None if found is None else cls(found[1], Scope(found[3], found[2]), found[4], arn)


@dataclass(slots=True)
class DeliveryCounts:
    """The counters of the events that matched. `failure` is the last error; a success clears it."""

    events: int = 0
    lost: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """One filter of a log group. If `matches` is None, all events match."""

    scope: Scope
    log_group: str
    name: str
    pattern: str
    matches: Matches | None
    destination: SubscriptionDestination
    role_arn: str
    distribution: str
    created_ms: int
    delivered: DeliveryCounts = field(default_factory=DeliveryCounts, compare=False)

    def shown(self) -> Request:
        """Return the filter in the format of `DescribeSubscriptionFilters`."""
        return {
            "filterName": self.name,
            "logGroupName": self.log_group,
            "filterPattern": self.pattern,
            "destinationArn": self.destination.arn,
            "roleArn": self.role_arn,
            "distribution": self.distribution,
            "applyOnTransformedLogs": False,
            "creationTime": self.created_ms,
        }


@dataclass(slots=True)
class SubscriptionFilters:
    """All filters, by log group and name."""

    _by_group: dict[tuple[Scope, str], dict[str, SubscriptionFilter]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[SubscriptionFilter]:
        return iter([one for named in self._by_group.values() for one in named.values()])

    def of(self, scope: Scope, log_group: str) -> list[SubscriptionFilter]:
        """Return the filters of a log group."""
        return list(self._by_group.get((scope, log_group), {}).values())

    def get(self, scope: Scope, log_group: str, name: str) -> SubscriptionFilter | None:
        """Return a filter, or None if it does not exist."""
        return self._by_group.get((scope, log_group), {}).get(name)

    def put(self, one: SubscriptionFilter) -> None:
        """Add a filter, or replace the filter with the same name."""
        self._by_group.setdefault((one.scope, one.log_group), {})[one.name] = one

    def remove(self, scope: Scope, log_group: str, name: str) -> bool:
        """Remove a filter. Return True if it existed."""
        return self._by_group.get((scope, log_group), {}).pop(name, None) is not None

    def remove_group(self, scope: Scope, log_group: str) -> None:
        """Remove the filters of a log group."""
        self._by_group.pop((scope, log_group), None)


def check_request(asked: Request) -> None:
    """Make AWS's checks that precede the search for the log group. Refuse options that are not supported."""
    if any(asked.get(name) for name in _NOT_SUPPORTED):
        raise invalid("This emulator does not support transformed logs, selection criteria or system fields.")
    if not asked.get("roleArn"):
        vendor = str(asked["destinationArn"]).split(":")[2]
        raise invalid(f"destinationArn for vendor {vendor} cannot be used without roleArn")


def invalid(sentence: str) -> Refused:
    """Return the error for an invalid parameter."""
    return Refused("InvalidParameterException", sentence)


def is_ours(arn: str) -> bool:
    """Return True if a destination belongs to Kinesis or Firehose."""
    return arn.split(":")[2:3] in (["kinesis"], ["firehose"])


def unreachable(arn: str) -> Refused:
    """Return the error for a destination that refused the test message (texts: moto, many error reports)."""
    if arn.split(":")[2:3] == ["firehose"]:
        return invalid(
            "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream "
            "is in ACTIVE state."
        )
    return invalid(
        "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in "
        "ACTIVE state."
    )
