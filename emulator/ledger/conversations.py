"""The conversations of a load, for comparison with the published ones. Pure.

A conversation is (interface, window, action, source, destination, service port, port rule, protocol). The
rows of an interface and window that gets no more lines are replaced by a digest, so that a long load does not
fill the memory; the published rows are replaced at once. If there are more rows than `merge` publishes, the
rows are kept, and compared one by one: each listed row has its exact sums within its bound, the rest of each
action is the difference, and the largest rows by each measure are listed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

WINDOW_S = 60
OPEN_S = 900
"""A window that ended so long before the newest line gets no line any more: late lines are 5 minutes late."""
LISTED = 200
"""`VPCFLOW_CONVERSATIONS`: the largest rows by each measure."""
SAMPLES = 10
_OPEN_ROWS = 500_000

Group = tuple[str, int]
"""ENI, and start of the window in epoch seconds."""

GROUP = ("eni", "window_start")
KEY = ("action", "source", "destination", "port", "port_rule", "protocol")
SUMMED = ("flows", "packets", "bytes", "first", "last")
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("eni",), pl.String),
    "window_start": pl.Int64,
    **dict.fromkeys(("action", "source", "destination"), pl.String),
    "port": pl.Int64,
    "port_rule": pl.String,
    "protocol": pl.Int64,
    **dict.fromkeys(SUMMED, pl.Int64),
}
_SUMS = (pl.col("flows", "packets", "bytes").sum(), pl.col("first").min(), pl.col("last").max())
_WITH_PORTS = (6, 17, 33, 132, 136)


@dataclass(frozen=True, slots=True)
class Digest:
    """The rows of one group: their number and the sum of their hashes; the rows, if they must be kept."""

    count: int
    hashes: int
    rows: pl.DataFrame | None = None


@dataclass(slots=True)
class ConversationLedger:
    """The conversations of all lines so far."""

    _open: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0
    _closed: dict[Group, Digest] = field(default_factory=dict)

    def add_columns(self, frame: pl.DataFrame) -> None:
        """Add lines by their columns: those of `Ledger.add_columns` and those of both ends.

        These are `srcaddr`, `dstaddr`, `srcport`, `dstport`, `protocol`, and `tcp_flags` if the format has
        it. Lines about the log itself are left out.
        """
        found = frame.filter(pl.col("action").cast(pl.String).is_in(["ACCEPT", "REJECT"]))
        port, rule = service_port("tcp_flags" in frame.columns)
        window = (pl.col("start") - pl.col("start") % WINDOW_S).alias("window_start")
        sums = found.group_by(
            pl.col("eni", "action").cast(pl.String),
            window,
            source="srcaddr",
            destination="dstaddr",
            port=port,
            port_rule=rule,
            protocol="protocol",
        ).agg(
            flows=pl.len(),
            packets=pl.col("packets").sum(),
            bytes=pl.col("bytes").sum(),
            first=pl.col("start").min(),
            last=pl.col("end").max(),
        )
        self._open.append(sums.select(*SCHEMA).cast(SCHEMA))  # type: ignore[arg-type]
        self._rows += sums.height
        if self._rows > _OPEN_ROWS:
            self._close()

    def digests(self) -> dict[Group, Digest]:
        """Return the digest of each group."""
        return {**self._closed, **_digests(_canonical(self._summed()), LISTED)}

    def _close(self) -> None:
        every = self._summed()
        newest: int = every["window_start"].max()  # type: ignore[assignment]
        is_closed = pl.col("window_start") < newest - OPEN_S
        self._closed |= _digests(_canonical(every.filter(is_closed)), LISTED)
        self._open = [every.filter(~is_closed)]
        self._rows = self._open[0].height - len(self._open[0]) // 2

    def _summed(self) -> pl.DataFrame:
        every = pl.concat([pl.DataFrame(schema=SCHEMA), *self._open])
        return every.group_by(*GROUP, *KEY).agg(*_SUMS)


def service_port(has_flags: bool) -> tuple[pl.Expr, pl.Expr]:
    """Return the expressions of the service port and its rule, as docs/conversations.md describes them."""
    source, destination = pl.col("srcport").cast(pl.Int64), pl.col("dstport").cast(pl.Int64)
    flags = pl.col("tcp_flags").cast(pl.Int64) if has_flags else pl.lit(0)
    is_tcp, lower = pl.col("protocol") == 6, pl.min_horizontal(source, destination)
    cases = (
        (~pl.col("protocol").is_in(_WITH_PORTS), pl.lit(-1, pl.Int64), "none"),
        (is_tcp & (flags & 18 == 2), destination, "syn"),
        (is_tcp & (flags & 18 == 18), source, "syn-ack"),
        ((source < 1024) != (destination < 1024), lower, "registered"),
        ((source < 32768) != (destination < 32768), lower, "ephemeral"),
    )
    port, rule = lower, pl.lit("lower")
    for condition, value, name in reversed(cases):
        port = pl.when(condition).then(value).otherwise(port)
        rule = pl.when(condition).then(pl.lit(name)).otherwise(rule)
    return port, rule


def _canonical(rows: pl.DataFrame) -> pl.DataFrame:
    """Write IPv6 addresses in one way; a load may have zeros that are not compressed."""
    texts = pl.concat([rows["source"], rows["destination"]]).unique().to_list()
    changed = {text: str(ipaddress.ip_address(text)) for text in texts if ":" in text}
    return rows.with_columns(pl.col("source", "destination").replace(changed)) if changed else rows


def _digests(rows: pl.DataFrame, most: int) -> dict[Group, Digest]:
    """Return the digest of each group; a group with more than `most` rows keeps them."""
    hashed = rows.with_columns(hash=pl.struct(*KEY, *SUMMED).hash(seed=7) & 0xFFFFFFFF)
    groups = hashed.group_by(*GROUP).agg(pl.len().alias("count"), pl.col("hash").sum())
    large = groups.filter(pl.col("count") > most).select(*GROUP)
    kept = rows.join(large, on=list(GROUP), how="semi").partition_by(*GROUP, as_dict=True)
    return {
        (eni, window): Digest(count, hashes, kept.get((eni, window)))
        for eni, window, count, hashes in groups.select(*GROUP, "count", "hash").iter_rows()
    }


@dataclass(slots=True)
class PublishedConversations:
    """The newest published rows of each group, as digests; rows with a rest are kept."""

    digests: dict[Group, Digest] = field(default_factory=dict)
    final: set[Group] = field(default_factory=set)
    backwards: int = 0
    _revisions: dict[Group, int] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame) -> None:
        """Add the rows of one message: columns of `SCHEMA`, `is_other`, bounds, `revision` and `final`."""
        others = rows.filter(pl.col("is_other")).select(*GROUP).unique()
        digests = _digests(rows.filter(~pl.col("is_other")).select(*SCHEMA).cast(SCHEMA), 1 << 62)  # type: ignore[arg-type]
        whole = rows.join(others, on=list(GROUP), how="semi").partition_by(*GROUP, as_dict=True)
        newest = rows.group_by(*GROUP).agg(pl.col("revision").max(), pl.col("final").all())
        for eni, window, revision, is_final in newest.select(*GROUP, "revision", "final").iter_rows():
            group = eni, window
            if revision <= self._revisions.get(group, -1):
                self.backwards += 1
                continue
            self._revisions[group] = revision
            found = digests.get(group, Digest(0, 0))
            self.digests[group] = Digest(found.count, found.hashes, whole.get(group))
            if is_final:
                self.final.add(group)


@dataclass(frozen=True, slots=True)
class ConversationReport:
    """The result of a comparison of the groups of final windows. `samples` has up to ten that differ."""

    conversations: int
    groups: int
    differing: int
    bounded: int
    """Groups with more rows than are published."""
    backwards: int
    samples: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """True if each published conversation is as in the ledger, and none is missing."""
        return not (self.differing or self.backwards)


def compare_conversations(
    ledger: ConversationLedger, published: PublishedConversations, final_to: int
) -> ConversationReport:
    """Compare the final windows: those that end by `final_to`, epoch seconds."""
    expected = {key: one for key, one in ledger.digests().items() if key[1] + WINDOW_S <= final_to}
    found = {key: one for key, one in published.digests.items() if key[1] + WINDOW_S <= final_to}
    differences = list(_differences(expected, found, published.final))
    return ConversationReport(
        conversations=sum(one.count for one in expected.values()),
        groups=len(expected),
        differing=len(differences),
        bounded=sum(one.rows is not None for one in expected.values()),
        backwards=published.backwards,
        samples=tuple(sorted(differences)[:SAMPLES]),
    )


def _differences(
    expected: Mapping[Group, Digest], found: Mapping[Group, Digest], final: set[Group]
) -> Iterator[str]:
    for group in expected.keys() | found.keys():
        wanted, given = expected.get(group), found.get(group)
        if wanted is None or given is None:
            yield f"{group}: {'not published' if given is None else 'not in the ledger'}"
        elif group not in final:
            yield f"{group}: not final"
        elif wanted.rows is None or given.rows is None:
            if (wanted.count, wanted.hashes) != (given.count, given.hashes):
                yield f"{group}: {wanted.count} conversations, and {given.count} others published"
        elif reason := bounded_difference(wanted.rows, given.rows):
            yield f"{group}: {reason}"


def bounded_difference(wanted: pl.DataFrame, given: pl.DataFrame) -> str:
    """Return how the published rows of one group differ from all its rows, "" if they do not."""
    listed = given.filter(~pl.col("is_other"))
    rows = wanted.join(listed, on=list(KEY), how="full", suffix="_given", coalesce=True)
    if rows["flows"].null_count():
        return "a conversation that is not in the ledger is published"
    for name in ("flows", "packets", "bytes"):
        given_value, bound = pl.col(f"{name}_given"), pl.col(f"bound_{name}")
        wrong = rows.filter((given_value > pl.col(name)) | (given_value + bound < pl.col(name)))
        if len(wrong):
            return f"{name} of {len(wrong)} conversations are not within their bound"
        totals, sums = (
            part.group_by("action").agg(pl.col(name).sum()).sort("action") for part in (wanted, given)
        )
        if not totals.equals(sums):
            return f"{name} with the rest are {sums.rows()}, not {totals.rows()}"
    return _missing_largest(rows, given)


def _missing_largest(rows: pl.DataFrame, given: pl.DataFrame) -> str:
    for measure in ("bytes", "packets", "flows", "rejects"):
        name = "flows" if measure == "rejects" else measure
        some = rows.filter(action="REJECT") if measure == "rejects" else rows
        largest = some[name].sort(descending=True).head(LISTED)
        is_listed = pl.col("flows_given").is_not_null()
        bound: int = given[f"bound_{name}"].max() or 0  # type: ignore[assignment]
        listed = some.filter(is_listed)[name].sort(descending=True).head(LISTED)
        least: int = largest.min() or 0  # type: ignore[assignment]
        is_missing = len(some.filter(~is_listed & (pl.col(name) > least + bound))) > 0
        if is_missing or (bound == 0 and not listed.equals(largest)):
            return f"one of the {LISTED} largest by {measure} is not listed"
    return ""
