"""What the streams publish reads back as it was written, and foreign JSON is an error with a known type."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records import Aggregate, Alert, decode_alert
from tests.build import decode_aggregate

AGGREGATE = Aggregate(
    eni="eni-0a1b2c3d4e5f60718",
    action="ACCEPT",
    window_start=1_700_000_040,
    window_s=60,
    flows=3,
    packets=30,
    bytes=4000,
    first=1_700_000_041,
    last=1_700_000_099,
    protocols={"6": [2, 20, 3000], "-": [1, 10, 1000]},
    distinct_ports=0,
    distinct_sources=0,
    revision=2,
    final=True,
    oldest_arrival_ms=1_700_000_100_000,
)
ALERT = Alert(
    fingerprint="ab12",
    rule="port-scan",
    severity="high",
    status="firing",
    labels={"eni": "eni-0a1b2c3d4e5f60718"},
    summary="many ports",
    value=120.5,
    threshold=50.0,
    window_start=0,
    window_end=60,
    starts_at=0,
    ends_at=0,
    url="http://localhost/?eni=eni-0a1b2c3d4e5f60718",
)
numbers = st.integers(0, (1 << 63) - 1)


@given(
    eni=st.text(st.characters(codec="ascii"), max_size=20),
    size=numbers,
    protocols=st.dictionaries(st.sampled_from(["-", "6"]), st.lists(numbers, min_size=3, max_size=3)),
    final=st.booleans(),
)
def test_an_aggregate_reads_back(eni: str, size: int, protocols: dict[str, list[int]], final: bool) -> None:
    aggregate = replace(AGGREGATE, eni=eni, bytes=size, protocols=protocols, final=final)
    assert decode_aggregate(aggregate.encode()) == aggregate


def test_an_alert_reads_back() -> None:
    assert decode_alert(ALERT.encode()) == ALERT
    assert orjson.loads(ALERT.encode()) == ALERT.as_dict()


def test_an_aggregate_is_keyed_by_entity_action_and_window() -> None:
    assert AGGREGATE.key == b"eni-0a1b2c3d4e5f60718|ACCEPT|1700000040"
    assert replace(AGGREGATE, revision=3, final=False).key == AGGREGATE.key


def test_an_aggregate_is_flat_json_that_any_tool_can_read() -> None:
    assert orjson.loads(AGGREGATE.encode())["protocols"] == {"6": [2, 20, 3000], "-": [1, 10, 1000]}


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b"{}", b'{"eni": "x"}', b'"x"', b"\xff", b'{"x": 1}']
)
def test_foreign_json_is_a_value_or_type_error(value: bytes) -> None:
    for decode in (decode_aggregate, decode_alert):
        with pytest.raises((ValueError, TypeError)):
            decode(value)
