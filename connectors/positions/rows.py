"""The rows of `connect positions`, and the state that a reset writes, from the state of all slots. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.firehose.committed_requests import KEY_PREFIX, known
from connectors.kinesis.positions import WHOLE, Position, decode_position
from connectors.setting_values import time_ms

State = Mapping[int, Mapping[bytes, bytes]]
"""The latest value of every key, by slot."""


class BadReset(ValueError):
    """A reset that is not possible; the message has the reason and the alternative."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `behind_s` is -1 if unknown."""

    source: str
    shard: str
    slot: int
    position: str
    behind_s: float
    read_at: str
    owner: str
    state: str


def rows(state: State, owners: Mapping[int, str]) -> list[Row]:
    """Return a row for each shard, and one for all objects of a bucket or requests of a slot."""
    found: list[Row] = []
    counts: dict[tuple[str, int], int] = {}
    for slot, values in state.items():
        for key, value in values.items():
            kind, _, rest = key.decode().partition("|")
            if kind == "shard":
                found.append(_shard(rest, slot, decode_position(value), owners.get(slot, "")))
            elif kind == "object":
                source = f"s3:{rest.partition('|')[0]}"
                counts[source, slot] = counts.get((source, slot), 0) + 1
        if requests := known(values):
            counts["firehose", slot] = requests
    for (source, slot), count in counts.items():
        what = "objects" if source.startswith("s3:") else "requests"
        found.append(Row(source, "", slot, f"{count} {what} known", -1, "", owners.get(slot, ""), ""))
    return sorted(found, key=lambda row: (row.source, row.shard, row.slot))


def _shard(rest: str, slot: int, position: Position, owner: str) -> Row:
    stream, _, shard_id = rest.rpartition("|")
    state = "ended" if position.is_ended else "reading" if owner else "waiting for an instance"
    behind_s = 0.0 if position.is_ended else position.behind_ms / 1000 if position.read_ms else -1.0
    return Row(
        source=f"kinesis:{stream.rpartition('@')[0]}",
        shard=shard_id,
        slot=slot,
        position=position.place,
        behind_s=behind_s,
        read_at=_time(position.read_ms) if position.read_ms else "",
        owner=owner,
        state=state,
    )


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def check_reset(source: str, shard: str, to: str, now_ms: int) -> None:
    """Check the arguments of a reset. Raises `BadReset`."""
    kind, _, name = source.partition(":")
    if kind == "kinesis" and name:
        _place(to, shard, now_ms)
    elif kind == "firehose" or (kind == "s3" and name):
        if to != "beginning":
            raise BadReset(f"{source} can be reset to its beginning only: use `--to beginning`")
    else:
        raise BadReset(f"{source!r} is not a source: use kinesis:STREAM, s3:BUCKET or firehose")


def moves(
    state: State, source: str, shard: str, to: str, now_ms: int
) -> dict[int, dict[bytes, bytes | None]]:
    """Return the state that a reset writes, by slot. Raises `BadReset`.

    `source` is a value of the table; an empty `shard` means all shards. `to` is `beginning`, `end`, a
    time (ISO 8601), or, for one shard, a sequence number, optionally with `:` and the index of
    the last user record that is done in its KPL aggregate.
    """
    kind = source.partition(":")[0]
    if kind == "kinesis":
        chosen = _chosen(state, f"{source.removeprefix('kinesis:')}@", shard)
        if not chosen:
            raise BadReset(
                f"no position of {source} {shard} is known: `vpcflow connect positions` lists them"
            )
        place = _place(to, shard, now_ms)
        return {slot: {key: place(p).encode() for key, p in found.items()} for slot, found in chosen.items()}
    if kind in {"s3", "firehose"} and to == "beginning":
        head = f"object|{source.removeprefix('s3:')}|".encode() if kind == "s3" else KEY_PREFIX
        return {s: {k: None for k in values if k.startswith(head)} for s, values in state.items()}
    raise BadReset(f"{source} can be reset to its beginning only: use `--to beginning`")


def _chosen(state: State, stream: str, shard: str) -> dict[int, dict[bytes, Position]]:
    found: dict[int, dict[bytes, Position]] = {}
    for slot, values in state.items():
        for key, value in values.items():
            kind, _, rest = key.decode().partition("|")
            if kind == "shard" and rest.startswith(stream) and shard in {"", rest.rpartition("|")[2]}:
                found.setdefault(slot, {})[key] = decode_position(value)
    return found


def _place(to: str, shard: str, now_ms: int) -> Callable[[Position], Position]:
    if to == "beginning":
        return lambda _: Position()
    if to == "end":
        return lambda old: old if old.is_ended else Position(at_ms=now_ms)
    number, _, sub = to.partition(":")
    if _is_number(number) and (not sub or _is_number(sub)):
        if not shard:
            raise BadReset("a sequence number belongs to one shard: add --shard")
        return lambda _: Position(number, sub=int(sub or WHOLE))
    try:
        at_ms = time_ms(to)
    except ValueError as error:
        raise BadReset(
            f"{to!r} is not a position: use beginning, end, a time (ISO 8601) or a sequence number"
        ) from error
    if not 0 <= at_ms <= now_ms:
        raise BadReset(f"{to} is not between 1970 and now: use beginning or end")
    return lambda _: Position(at_ms=at_ms)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 128
