"""Every error's text, from the golden file, which names the source of each.

Names in braces stand for streams that the test makes. An entry with `late_ms` needs an emulator of its own,
in which so much time passes first; one with `starts` gives the beginning of a message only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, HttpApi, OwnApi

GOLDEN = Path(__file__).parent.parent / "golden" / "errors.json"
ENTRIES: list[dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))
OURS = [entry for entry in ENTRIES if "late_ms" in entry]
ANYWHERE = [entry for entry in ENTRIES if "late_ms" not in entry]


def prepared(api: Api) -> dict[str, str]:
    """Make the streams that entries name, and return what stands for each name."""
    names = {name: api.stream(3) for name in ("stream", "consumed", "split", "kept")}
    names |= {"on_demand": api.on_demand_stream(), "missing": "nobody-has-this"}
    api.call(
        "SplitShard", StreamName=names["split"], ShardToSplit="shardId-000000000000", NewStartingHashKey="99"
    )
    api.settle(names["split"])
    api.call("IncreaseStreamRetentionPeriod", StreamName=names["kept"], RetentionPeriodHours=48)
    api.settle(names["kept"])
    places = {"account": api.account, "region": api.region, "consumer_arn": api.consumer(names["consumed"])}
    arns = {"arn": "stream", "missing_arn": "missing", "consumed_arn": "consumed"}
    return names | places | {arn: api.arn(names[name]) for arn, name in arns.items()}


def filled(value: Any, places: dict[str, str]) -> Any:
    """Return a value with its names filled in; other braces stay."""
    if isinstance(value, dict):
        return {key: filled(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, places) for item in value]
    if isinstance(value, str):
        for name, place in places.items():
            value = value.replace("{" + name + "}", place)
    return value


def check(api: Api, entry: dict[str, Any], places: dict[str, str]) -> None:
    code, message = api.refusal(entry["operation"], **filled(entry["request"], places))
    assert code == entry["code"]
    if "starts" in entry:
        assert message.startswith(filled(entry["starts"], places))
    else:
        assert message == filled(entry["message"], places)


@pytest.fixture(scope="module")
def places(kinesis: HttpApi) -> dict[str, str]:
    return prepared(kinesis)


@pytest.mark.parametrize("entry", ANYWHERE, ids=lambda entry: entry["operation"])
def test_an_error_has_its_text(kinesis: HttpApi, places: dict[str, str], entry: dict[str, Any]) -> None:
    check(kinesis, entry, places)


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry["operation"])
def test_an_error_that_needs_time_or_another_account(
    own: Callable[..., OwnApi], entry: dict[str, Any]
) -> None:
    api = own(transition_ms=0)
    places = prepared(api)
    api.account = "111122223333"
    places["foreign_arn"] = api.arn(api.stream())
    api.account = places["account"]
    listed = api.call("ListShards", StreamName=places["stream"], MaxResults=1)
    places["shards_token"] = listed["NextToken"]
    api.now_ms += entry["late_ms"]
    check(api, entry, places)


def test_every_entry_names_its_source() -> None:
    assert all(entry["source"] for entry in ENTRIES)
