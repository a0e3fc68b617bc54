"""The ledger: the totals of all lines of a load, with which `vpcflow replay` compares the aggregates.

Totals for each (ENI, action, 60 s window of `start`), computed from columns and never with the code under
test. Lines with a log status count under the actions `NODATA` and `SKIPDATA`: `flows` is the number of lines,
packets and bytes are 0. `first` is the minimum of `start`, `last` the maximum of `end`.

If an aggregate has fewer flows than the ledger, lines were lost; if it has more, lines were counted twice.
`WindowReport.exact` summarizes the comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Protocol

import orjson
import polars as pl

from emulator.ledger.conversations import ConversationLedger
from emulator.ledger.labels import Label

WINDOW_S = 60
SAMPLES = 10
ALERT_SLACK_S = 300  # An alert can fire a little later, and a sliding window begins a little earlier.
LOG_ACTIONS = ("NODATA", "SKIPDATA")

Key = tuple[str, str, int]
"""ENI, action, start of the window in epoch seconds."""
Totals = list[int]
"""flows, packets, bytes, first, last."""

_KEY = ("eni", "action", "window_start")
_SUMMED = ("flows", "packets", "bytes", "first", "last")
_SCHEMA = dict.fromkeys(("eni", "action"), pl.String()) | dict.fromkeys(
    ("window_start", *_SUMMED), pl.Int64()
)
_COMPACT_ROWS = 400_000


class Published(Protocol):
    """The totals of a published aggregate."""

    @property
    def flows(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


class PublishedAlert(Protocol):
    """A transition of an alert. Only those with status `firing` are compared."""

    @property
    def rule(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def window_start(self) -> int: ...
    @property
    def window_end(self) -> int: ...


@dataclass(slots=True)
class Ledger:
    """The totals of the lines so far, their number, and the labels of the planted incidents."""

    labels: tuple[Label, ...] = ()
    lines: int = 0
    conversations: ConversationLedger = field(default_factory=ConversationLedger)
    _parts: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0

    def add_columns(self, frame: pl.DataFrame) -> None:
        """Add lines by their columns `eni`, `action`, `packets`, `bytes`, `start`, `end`.

        With the columns of both ends, the conversations are summed too.
        """
        if "srcaddr" in frame.columns:
            self.conversations.add_columns(frame)
        window = (pl.col("start") - pl.col("start") % WINDOW_S).alias("window_start")
        sums = frame.group_by("eni", "action", window).agg(
            flows=pl.len(),
            packets=pl.col("packets").sum(),
            bytes=pl.col("bytes").sum(),
            first=pl.col("start").min(),
            last=pl.col("end").max(),
        )
        self._add(sums.cast(_SCHEMA), frame.height)  # type: ignore[arg-type]

    def add_totals(self, totals: Mapping[Key, Totals]) -> None:
        """Add totals. Each flow in them is a line."""
        rows = [(*key, *values) for key, values in totals.items()]
        sums = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        self._add(sums, int(sums["flows"].sum()))

    def totals(self) -> dict[Key, Totals]:
        """Return the totals, summed."""
        return {row[:3]: list(row[3:]) for row in self._summed().iter_rows()}

    def replace_by(self, other: Ledger) -> None:
        """Replace the content by that of another ledger."""
        self.labels, self.lines = other.labels, other.lines
        self._parts, self._rows = other._parts, other._rows

    def to_json(self) -> bytes:
        """Return the ledger as JSON, in the order of its keys."""
        labels = [astuple(label) for label in self.labels]
        rows = self._summed().sort(_KEY).rows()
        return orjson.dumps({"lines": self.lines, "labels": labels, "totals": rows})

    def _add(self, sums: pl.DataFrame, lines: int) -> None:
        self.lines += lines
        self._parts.append(sums)
        self._rows += sums.height
        if self._rows > _COMPACT_ROWS:
            self._parts = [self._summed()]
            self._rows = -self._parts[0].height  # The next time is after it has doubled.

    def _summed(self) -> pl.DataFrame:
        every = pl.concat([pl.DataFrame(schema=_SCHEMA), *self._parts])
        sums = [pl.col("flows", "packets", "bytes").sum(), pl.col("first").min(), pl.col("last").max()]
        return every.group_by(_KEY).agg(*sums)


def from_json(text: bytes) -> Ledger:
    """Read a ledger. Raises `ValueError`, `KeyError` or `TypeError` if the JSON is not a ledger."""
    value = orjson.loads(text)
    labels = tuple(
        Label(rule, eni, start, end, kind, tuple(others))
        for rule, eni, start, end, kind, others in value["labels"]
    )
    ledger = Ledger(labels=labels)
    ledger.add_totals({(eni, action, window): totals for eni, action, window, *totals in value["totals"]})
    if ledger.lines != value["lines"]:
        raise ValueError(f"a ledger of {value['lines']} lines whose totals hold {ledger.lines}")
    return ledger


@dataclass(frozen=True, slots=True)
class WindowDifference:
    """A window that differs: the ledger's totals and the published ones. Either may be absent."""

    key: Key
    expected: tuple[int, ...] | None
    published: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class WindowReport:
    """The result of a comparison. `differing` windows differ; `samples` has up to ten of them."""

    lines: int
    windows: int
    lost: int
    twice: int
    differing: int
    missing: int
    samples: tuple[WindowDifference, ...]

    @property
    def exact(self) -> bool:
        """True if each line is counted once, under the right key."""
        return not (self.differing or self.lost or self.twice)


def compare(ledger: Ledger, published: Mapping[Key, Published]) -> WindowReport:
    """Compare the ledger with the newest published aggregate of each key."""
    totals = ledger.totals()
    lost = twice = missing = 0
    differences = []
    for found in _differences(totals, published):
        excess = (found.published or (0,))[0] - (found.expected or (0,))[0]
        lost += max(0, -excess)
        twice += max(0, excess)
        missing += found.published is None
        differences.append(found)
    samples = tuple(sorted(differences, key=lambda found: found.key)[:SAMPLES])
    return WindowReport(ledger.lines, len(totals), lost, twice, len(differences), missing, samples=samples)


def _differences(
    totals: Mapping[Key, Totals], published: Mapping[Key, Published]
) -> Iterator[WindowDifference]:
    for key, values in totals.items():
        expected = tuple(values)
        other = published.get(key)
        seen = None if other is None else _values(other)
        if seen != expected:
            yield WindowDifference(key, expected, seen)
    for key in published.keys() - totals.keys():
        yield WindowDifference(key, None, _values(published[key]))


def _values(published: Published) -> tuple[int, ...]:
    return (published.flows, published.packets, published.bytes, published.first, published.last)


@dataclass(frozen=True, slots=True)
class AlertReport:
    """The planted incidents, found or missed, and the alerts without a planted incident (`false`).

    `related` are alerts of another rule at the interface and time of a planted incident: a scan of a quiet
    interface also causes a high share of rejects. `unwatched` are incidents for which there is no detector.
    `unsettled` were not found, but their windows may not be final yet.
    """

    found: tuple[Label, ...]
    missed: tuple[Label, ...]
    unwatched: tuple[Label, ...]
    unsettled: tuple[Label, ...]
    related: tuple[PublishedAlert, ...]
    false: tuple[PublishedAlert, ...]

    @property
    def exact(self) -> bool:
        """True if every incident was found and no alert is false."""
        return not (self.missed or self.false)


def compare_alerts(
    labels: Sequence[Label], alerts: Iterable[PublishedAlert], final_to: int | None = None
) -> AlertReport:
    """Compare planted incidents with the alerts that fired.

    Windows that end after `final_to` (epoch seconds) can be open. None: all windows are final.
    """
    found: set[Label] = set()
    related: list[PublishedAlert] = []
    false: list[PublishedAlert] = []
    for alert in alerts:
        if alert.status != "firing":
            continue
        near = [label for label in labels if _is_near(alert, label)]
        hits = {label for label in near if label.rule == alert.rule and alert.labels.get("eni") == label.eni}
        found |= hits
        if not hits:
            (related if near else false).append(alert)
    not_found = [label for label in labels if label.rule and label not in found]
    settled = [label for label in not_found if final_to is None or label.window_end <= final_to]
    return AlertReport(
        found=tuple(label for label in labels if label in found),
        missed=tuple(settled),
        unsettled=tuple(label for label in not_found if label not in settled),
        unwatched=tuple(label for label in labels if not label.rule),
        related=tuple(related),
        false=tuple(false),
    )


def _is_near(alert: PublishedAlert, label: Label) -> bool:
    starts_in_time = alert.window_start < label.window_end + ALERT_SLACK_S
    ends_in_time = alert.window_end > label.window_start - ALERT_SLACK_S
    return alert.labels.get("eni") in (label.eni, *label.others) and starts_in_time and ends_in_time
