"""Others read what is delivered: flowlogs-reader log groups and buckets, DuckDB and Polars Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from flowlogs_reader import FlowLogsReader, S3FlowLogsReader

from connectors.formats.flowlog import FIELD_VERSIONS, is_header, log_format, parse_format
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from streams.sums.lines import Nothing, parse_line, plan
from tests.emulator.flowlogs.account import Account
from tests.emulator.flowlogs.playing import built, log_lines, objects, parquet, played, role, text_lines

pytestmark = [pytest.mark.moto, pytest.mark.process]

EVERY_FIELD = tuple(name for name, version in FIELD_VERSIONS.items() if version != 6)
BUCKET, GROUP = "read-by-others", "read-by-others"
TYPES = {
    "version srcport dstport protocol tcp_flags traffic_path encryption_status": ("INTEGER", pl.Int32),
    "packets bytes start end": ("BIGINT", pl.Int64),
}


@dataclass(frozen=True)
class Delivered:
    """What was delivered of one world, three times: log events, text, Parquet."""

    account: Account
    events: list[str]
    texts: list[str]
    files: dict[str, bytes]
    span: dict[str, Any]


@pytest.fixture(scope="module")
def delivered(url: str) -> Iterator[Delivered]:
    """A few minutes of the preset `shop`, every field of every version."""
    with Account(url, "300000000003") as account:
        shop = built(account, preset("shop"))
        vpc = shop.id("vpc", "shop")
        asked = {"ResourceIds": [vpc], "LogFormat": log_format(EVERY_FIELD), "MaxAggregationInterval": 60}
        account.bucket(BUCKET)
        account.create(
            **account.settings(LogGroupName=GROUP, **asked, DeliverLogsPermissionArn=role(account))
        )
        for kind in ("plain-text", "parquet"):
            options = {"FileFormat": kind}
            account.create(**account.to_bucket(f"{BUCKET}/{kind}", DestinationOptions=options, **asked))
        ledger = played(account, WorldSettings(records=9000))
        texts = [
            line
            for _, body in sorted(objects(account, BUCKET, "plain-text/").items())
            for line in text_lines(body, EVERY_FIELD)
        ]
        windows = [row[2] for row in ledger["totals"]]
        yield Delivered(
            account,
            [event["message"] for _, event in log_lines(account, GROUP)],
            texts,
            objects(account, BUCKET, "parquet/"),
            {
                "start_time": datetime.fromtimestamp(min(windows) - 3600, UTC).replace(tzinfo=None),
                "end_time": datetime.fromtimestamp(max(windows) + 3600, UTC).replace(tzinfo=None),
            },
        )


def test_the_three_destinations_hold_the_same(delivered: Delivered) -> None:
    frames = [parquet(body) for body in delivered.files.values()]
    rows = [
        " ".join("-" if one is None else str(one) for one in row)
        for frame in frames
        for row in frame.iter_rows()
    ]
    assert sorted(delivered.events) == sorted(delivered.texts) == sorted(rows)
    assert len(rows) > 2000


def test_our_own_parser_understands_every_line(delivered: Delivered) -> None:
    header = " ".join(EVERY_FIELD).encode()
    assert is_header(header)
    names = parse_format(header.decode())
    read = [parse_line(line.encode(), plan(names)) for line in delivered.texts]
    assert not [one for one in read if isinstance(one, str | Nothing)]


def test_flowlogs_reader_reads_the_log_group(delivered: Delivered) -> None:
    """It asks `DescribeFlowLogs` for the format, as a user's would."""
    reader = FlowLogsReader(
        GROUP,
        boto_client=delivered.account.logs,
        ec2_client=delivered.account.ec2,
        fields=None,
        raise_on_error=True,
        **delivered.span,
    )
    assert_same(list(reader), delivered.texts)


def test_flowlogs_reader_reads_the_bucket(delivered: Delivered) -> None:
    location = f"{BUCKET}/plain-text"
    s3 = delivered.account.client("s3")
    reader = S3FlowLogsReader(location, boto_client=s3, raise_on_error=True, **delivered.span)
    assert_same(list(reader), delivered.texts)


def assert_same(records: list[Any], texts: list[str]) -> None:
    """Compare every field that the reader knows, which is up to version 5."""
    known = [name for name in EVERY_FIELD if FIELD_VERSIONS[name] <= 5]
    at = {name: place for place, name in enumerate(EVERY_FIELD)}

    def spelled(record: Any, name: str) -> str:
        value = getattr(record, name.replace("-", "_"))
        if isinstance(value, datetime):
            value = int(value.replace(tzinfo=UTC).timestamp())
        return "-" if value is None else str(value)

    theirs = sorted(" ".join(spelled(record, name) for name in known) for record in records)
    ours = sorted(" ".join(line.split(" ")[at[name]] for name in known) for line in texts)
    assert theirs == ours


def test_duckdb_sees_the_documented_types(delivered: Delivered, tmp_path: Path) -> None:
    """VPC guide, "Available fields": INT_32, INT_64, STRING."""
    path = tmp_path / "one.parquet"
    path.write_bytes(next(iter(delivered.files.values())))
    columns = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
    wanted = {name: types[0] for names, types in TYPES.items() for name in names.split()}
    assert {name: kind for name, kind, *_ in columns} == {
        name.replace("-", "_"): wanted.get(name.replace("-", "_"), "VARCHAR") for name in EVERY_FIELD
    }
    codec = f"SELECT DISTINCT compression FROM parquet_metadata('{path}')"
    assert duckdb.sql(codec).fetchall() == [("GZIP",)]
    accepted = f"SELECT count(*) FROM read_parquet('{path}') WHERE action = 'ACCEPT' AND bytes > 0"
    ((count,),) = duckdb.sql(accepted).fetchall()
    assert count > 100


def test_polars_sees_the_documented_types(delivered: Delivered) -> None:
    wanted = {name: types[1] for names, types in TYPES.items() for name in names.split()}
    for body in delivered.files.values():
        for name, dtype in parquet(body).schema.items():
            assert dtype == wanted.get(name, pl.String), name
