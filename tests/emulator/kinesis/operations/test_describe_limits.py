"""DescribeLimits. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import Api, OwnApi


def test_it_counts_shards_and_on_demand_streams(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, shard_limit=70, on_demand_stream_limit=2)
    for _ in range(2):
        api.on_demand_stream()
    api.stream(3)
    assert api.call("DescribeLimits") == {
        "ShardLimit": 70,
        "OpenShardCount": 11,
        "OnDemandStreamCount": 2,
        "OnDemandStreamCountLimit": 2,
    }


def test_other_accounts_and_regions_do_not_count(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    api.stream(3)
    api.account = "111122223333"
    assert api.call("DescribeLimits")["OpenShardCount"] == 0
    api.account, api.region = "000000000000", "eu-west-1"
    assert api.call("DescribeLimits")["OpenShardCount"] == 0


def test_over_http(kinesis: Api, name: str) -> None:
    assert kinesis.call("DescribeLimits")["OpenShardCount"] >= 3
