"""DescribeLimits: the number of shards and on-demand streams of an account, with their limits."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output


def describe_limits(call: Call) -> Output:
    """Describe the limits of the account in the Region."""
    store, limits = call.store, call.store.limits
    streams = store.streams(call.scope, call.now_ms)
    return {
        "ShardLimit": limits.shard_limit,
        "OpenShardCount": sum(len(stream.open_shards) for stream in streams),
        "OnDemandStreamCount": store.on_demand_streams(call.scope, call.now_ms),
        "OnDemandStreamCountLimit": limits.on_demand_stream_limit,
    }
