"""Write the KPL aggregates beside this file, with AWS's own library, and what that library reads from them.

    python -m venv /tmp/kpl && /tmp/kpl/bin/pip install aws_kinesis_agg==1.2.3 six protobuf==7.36.2
    /tmp/kpl/bin/python tests/data/kpl/make.py

Each `<name>.bin` is the data of one Kinesis record; `expected.json` has its user records, base64, as
`aws_kinesis_agg.deaggregator` gave them back. Both are committed (made on 2026-11-28), so the tests need
neither the library nor protobuf. Nothing here imports ours. Tags are set on the message itself, because no
library has a call for them; `inner` is an aggregate of an aggregate, which only a confused producer sends.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from aws_kinesis_agg.aggregator import AggRecord
from aws_kinesis_agg.deaggregator import deaggregate_records

HERE = Path(__file__).parent
ENIS = [f"eni-0a1b2c3d4e5f6071{n:x}" for n in range(10)]
Put = tuple[str, bytes, str | None]  # partition key, data, explicit hash key


def line(number: int) -> bytes:
    start = 1_700_000_000 + number
    action = "REJECT" if number % 7 == 0 else "ACCEPT"
    return (
        f"2 123456789012 {ENIS[number % 10]} 10.0.0.{number % 250} 10.0.1.9 {40000 + number} 443 6"
        f" {number + 1} {(number + 1) * 400} {start} {start + 30} {action} OK"
    ).encode()


def envelope(eni: str, messages: Iterable[bytes], kind: str = "DATA_MESSAGE") -> bytes:
    events = [
        {"id": f"{i:056}", "timestamp": 1_700_000_000_000, "message": message.decode()}
        for i, message in enumerate(messages)
    ]
    value = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "vpc-flow-logs",
        "logStream": f"{eni}-all",
        "subscriptionFilters": ["vpcflow"],
        "logEvents": events,
    }
    return gzip.compress(json.dumps(value).encode(), mtime=0)


def aggregate(puts: Iterable[Put]) -> AggRecord:
    record = AggRecord()
    for key, data, hash_key in puts:
        assert record.add_user_record(key, data, hash_key)
    return record


def tagged() -> AggRecord:
    record = aggregate((ENIS[n], line(n), None) for n in range(3))
    for user_record in record.agg_record.records:
        user_record.tags.add(key="source", value="vpc")
        user_record.tags.add(key="no value")
    return record


def records() -> dict[str, AggRecord]:
    health = b"CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."
    control = envelope("eni", [health], "CONTROL_MESSAGE")
    inner = aggregate([("c", line(1), None)]).get_contents()[2]
    return {
        "one": aggregate([(ENIS[0], line(0), None)]),
        "many": aggregate((ENIS[n % 10], line(n), None) for n in range(150)),
        "hash_keys": aggregate((ENIS[n % 3], line(n), str(n % 4 << 126)) for n in range(12)),
        "envelopes": aggregate(
            [
                (ENIS[0], envelope(ENIS[0], map(line, range(5))), None),
                ("control", control, None),
                (ENIS[1], envelope(ENIS[1], map(line, range(5, 8))), None),
            ]
        ),
        "long": aggregate((ENIS[0], b"\n".join(map(line, range(count))), None) for count in (10, 180)),
        "no_data": aggregate([(ENIS[0], line(0), None), (ENIS[0], b"", None), (ENIS[0], line(1), None)]),
        "tags": tagged(),
        "inner": aggregate([("a", line(0), None), ("b", inner, None)]),
    }


def user_records(data: bytes) -> list[str]:
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "sequenceNumber": "1",
        "approximateArrivalTimestamp": 0,
        "data": base64.b64encode(data),
    }
    found = deaggregate_records([{"kinesis": kinesis}])
    assert [one["kinesis"]["subSequenceNumber"] for one in found] == list(range(len(found)))
    return [one["kinesis"]["data"].decode() for one in found]


if __name__ == "__main__":
    expected = {}
    for name, record in records().items():
        data = record.get_contents()[2]
        (HERE / f"{name}.bin").write_bytes(data)
        expected[name] = user_records(data)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
