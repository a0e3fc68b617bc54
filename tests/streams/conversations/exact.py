"""Conversations by definition: a dictionary of exact sums, and rows to feed to it and to the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from streams.conversations import published
from streams.conversations.conversations import Publication
from streams.sums.conversations import SCHEMA, address_of
from streams.sums.lines import ACTIONS

ENI, OTHER = "eni-0a1b2c3d4e5f60718", "eni-00000000000000001"
OWN = "10.0.0.5"
MEASURES = ("bytes", "packets", "flows")
KEY = ("window_start", "eni", "action", "source", "destination", "port", "protocol")


@dataclass(frozen=True)
class Flow:
    """Flows of one conversation; times are within its window."""

    peer: int
    port: int = 443
    eni: str = ENI
    action: int = 0
    is_ingress: bool = True
    direction: int = 0
    window: int = 0
    flows: int = 1
    packets: int = 2
    bytes: int = 100
    first: int = 0

    @property
    def ends(self) -> tuple[str, str]:
        peer = f"192.0.2.{self.peer}" if self.peer < 200 else f"2001:db8::{self.peer:x}"
        return (peer, OWN) if self.is_ingress else (OWN, peer)

    @property
    def row(self) -> dict[str, Any]:
        """The row of a partial."""
        (source, destination), values = self.ends, dict.fromkeys(SCHEMA, 0)
        values["source_hi"], values["source_lo"] = address_of(source)
        values["destination_hi"], values["destination_lo"] = address_of(destination)
        own = {name: getattr(self, name) for name in ("window", "action", "direction", "port", *MEASURES)}
        first = self.window + self.first
        return (
            values
            | own
            | {
                "entity": self.eni,
                "protocol": 6,
                "port_rule": 1,
                "first": first,
                "last": first + 10,
                "tcp_flags": 2,
            }
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """The key of its published row."""
        return self.window, self.eni, ACTIONS[self.action], *self.ends, self.port, 6


def frame(flows: Iterable[Flow]) -> pl.DataFrame:
    """Return partials of flows."""
    found = pl.DataFrame([flow.row for flow in flows], schema=SCHEMA)
    names = found["entity"].unique(maintain_order=True)
    return found.with_columns(pl.col("entity").cast(pl.Enum(names)))


def sums(flows: Iterable[Flow]) -> dict[tuple[Any, ...], list[int]]:
    """Return flows, packets, bytes, first and last of each conversation."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for flow in flows:
        first = flow.window + flow.first
        total = found.setdefault(flow.key, [0, 0, 0, first, 0])
        for at, name in enumerate(("flows", "packets", "bytes")):
            total[at] += getattr(flow, name)
        total[3], total[4] = min(total[3], first), max(total[4], first + 10)
    return found


def rows_of(publication: Publication) -> list[dict[str, Any]]:
    """Return the rows of all messages."""
    return [row for message in publication.messages for row in published.decode(message.value).to_dicts()]


def check(rows: Sequence[dict[str, Any]], flows: Sequence[Flow], top: int) -> None:
    """Check all rows of some windows against the exact sums."""
    exact = sums(flows)
    listed = {tuple(row[name] for name in KEY): row for row in rows if not row["is_other"]}
    assert len(listed) == sum(not row["is_other"] for row in rows), "a key occurs once"
    for key, row in listed.items():
        for at, name in enumerate(("flows", "packets", "bytes")):
            assert row[name] <= exact[key][at] <= row[name] + row[f"bound_{name}"]
        if not any(row[f"bound_{name}"] for name in MEASURES):
            assert (row["first"], row["last"]) == tuple(exact[key][3:])
    _check_totals(rows, exact)
    _check_order(rows, exact, listed, top)


def _check_totals(rows: Sequence[dict[str, Any]], exact: dict[tuple[Any, ...], list[int]]) -> None:
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    expected: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        for at, name in enumerate(("flows", "packets", "bytes")):
            found[row["window_start"], row["eni"], row["action"]][at] += row[name]
    for key, total in exact.items():
        for at in range(3):
            expected[key[:3]][at] += total[at]
    assert found == expected


def _check_order(
    rows: Sequence[dict[str, Any]],
    exact: dict[tuple[Any, ...], list[int]],
    listed: dict[tuple[Any, ...], dict[str, Any]],
    top: int,
) -> None:
    """The largest by each measure are listed, as far as bounds say that they are known."""
    for group in {key[:2] for key in exact}:
        for at, name in enumerate(("flows", "packets", "bytes", "rejects")):
            of = "flows" if name == "rejects" else name
            known = {
                key: total[at % 3]
                for key, total in exact.items()
                if key[:2] == group and (name != "rejects" or key[2] == "REJECT")
            }
            bound = max(
                (row[f"bound_{of}"] for row in rows if (row["window_start"], row["eni"]) == group), default=0
            )
            largest = sorted(known.values(), reverse=True)[:top]
            for key, value in known.items():
                if largest and value > largest[-1] + bound:
                    assert key in listed, (name, key, value, largest)
            if bound == 0:
                shown = sorted((v for key, v in known.items() if key in listed), reverse=True)[:top]
                assert shown == largest
