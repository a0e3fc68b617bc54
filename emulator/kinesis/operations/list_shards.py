"""ListShards: up to 1,000 of a stream's shards, optionally filtered.

`NextToken` contains the stream, the filter and the position. As in AWS, a request with it must not name them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_shard, shards_after
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.tokens import pages
from emulator.scope import Scope

MOST_SHARDS = 1000  # ListShardsInput.MaxResults: "at most 1000 results are returned"
_KIND = "shards"
_EXCLUDED_BY_TOKEN = (
    "StreamName",
    "StreamARN",
    "ExclusiveStartShardId",
    "StreamCreationTimestamp",
    "ShardFilter",
)


@dataclass(frozen=True, slots=True)
class _Place:
    """The stream, the filter and the position of a listing. `after` is the last listed shard id."""

    stream_name: str
    created_ms: int
    filter_type: str
    filter_ms: int
    after: str


def list_shards(call: Call) -> Output:
    """List shards."""
    stream, place = _from_token(call) if call.text("NextToken") else _from_request(call)
    shards = shards_after(_filtered(stream, place, call.now_ms), place.after)
    limit = min(call.number("MaxResults", MOST_SHARDS), MOST_SHARDS)
    page = shards[:limit]
    listed: dict[str, object] = {"Shards": [describe_shard(shard) for shard in page]}
    if len(shards) > limit:
        listed["NextToken"] = pages.make(
            _KIND,
            call.now_ms,
            stream.scope.account,
            stream.name,
            stream.created_ms,
            place.filter_type,
            place.filter_ms,
            page[-1].shard_id,
        )
    return listed


def _from_request(call: Call) -> tuple[Stream, _Place]:
    if not call.text("StreamName") and not call.text("StreamARN"):
        raise errors.invalid_argument("Either NextToken or StreamName should be provided.")
    stream = call.stream()
    created_ms = call.time_ms("StreamCreationTimestamp")
    if created_ms is not None and created_ms // 1000 != stream.created_ms // 1000:
        raise errors.stream_not_found(stream.name, call.scope.account)
    wanted = Call(call.store, call.scope, call.structure("ShardFilter"), call.now_ms)
    filter_type = wanted.text("Type") or "FROM_TRIM_HORIZON"
    after = call.text("ExclusiveStartShardId")
    if filter_type == "AFTER_SHARD_ID":
        _check_has(wanted, "ShardId", filter_type)
        after = wanted.text("ShardId")
    filter_ms = 0
    if filter_type.endswith("TIMESTAMP"):
        _check_has(wanted, "Timestamp", filter_type)
        filter_ms = wanted.time_ms("Timestamp") or 0
    return stream, _Place(stream.name, stream.created_ms, filter_type, filter_ms, after)


def _from_token(call: Call) -> tuple[Stream, _Place]:
    for field in _EXCLUDED_BY_TOKEN:
        if field in call.request:
            raise errors.invalid_argument(f"NextToken and {field} cannot be provided together.")
    account, name, created_ms, filter_type, filter_ms, after = pages.read(
        _KIND, call.text("NextToken"), call.now_ms, 6
    )
    place = _Place(str(name), int(created_ms), str(filter_type), int(filter_ms), str(after))
    stream = call.find(Scope(str(account), call.scope.region), place.stream_name)
    if stream is None or stream.created_ms != place.created_ms:
        raise errors.stream_not_found(place.stream_name, call.scope.account)
    return stream, place


def _check_has(wanted: Call, field: str, filter_type: str) -> None:
    if field not in wanted.request:
        # AWS's message for this error is not published.
        raise errors.invalid_argument(f"{field} must be provided with the shard filter type {filter_type}.")


def _filtered(stream: Stream, place: _Place, now_ms: int) -> Sequence[Shard]:
    shards = stream.visible_shards(now_ms)
    # If a stream is younger than its retention, its horizon is its creation.
    horizon_ms = max(now_ms - stream.retention_ms, stream.created_ms)
    match place.filter_type:
        case "AT_LATEST":
            return [shard for shard in shards if shard.ended_ms is None]
        case "AT_TRIM_HORIZON":
            return [shard for shard in shards if _is_open_at(shard, horizon_ms)]
        case "AT_TIMESTAMP":
            return [shard for shard in shards if _is_open_at(shard, max(horizon_ms, place.filter_ms))]
        case "FROM_TIMESTAMP":
            return [shard for shard in shards if _is_open_since(shard, max(horizon_ms, place.filter_ms))]
        case _:
            return [shard for shard in shards if _is_open_since(shard, horizon_ms)]


def _is_open_at(shard: Shard, at_ms: int) -> bool:
    return shard.opened_ms <= at_ms and _is_open_since(shard, at_ms)


def _is_open_since(shard: Shard, at_ms: int) -> bool:
    return shard.ended_ms is None or shard.ended_ms >= at_ms
