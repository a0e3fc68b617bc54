"""Every documented field of a VPC flow log in a few records: VPC guide, "Flow log records"."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import (
    DEFAULT_FORMAT,
    FIELD_VERSIONS,
    Format,
    is_header,
    log_format,
    parse_format,
)
from connectors.vpc.estate import Estate
from connectors.vpc.network import BlockPublicAccess
from emulator.flowlogs.player.rows import INTEGERS, LONGS, Rows, Surroundings, lines, typed
from emulator.world.simulation import World
from emulator.world.traffic.records import Records
from tests.connectors.vpc.estates import ENIS, estate
from tests.emulator.flowlogs.player.portions import EVERY_FIELD, FIRST
from tests.emulator.world.worlds import flow, scripted

TAGS = {
    ("instance", "i-web"): {"Name": "web 1", "team": "shop/front=ü"},
    ("network-interface", "eni-web"): {"Name": "web%20"},
}
KEYS = {"instance": ("Name", "team"), "network-interface": ("Name", "absent")}
HERE = Surroundings("111111111111", "eu-west-1", TAGS)
S3_HOST = "52.216.8.9"
V6 = {"src": "2001:db8:a:1::5", "dst": "2001:db8:a:2::7"}
FLOWS = (
    flow("eni-app", "10.0.1.5", "10.0.2.7", 5432, srcport=40_001, lasts=20),
    flow("eni-web", "10.0.0.10", S3_HOST, 443, srcport=40_002, ending=1),
    flow("eni-app", "10.0.1.5", "198.18.7.7", 443, srcport=40_003),
    flow("eni-app", "10.0.1.5", "10.0.2.7", 22, srcport=40_004),
    flow("eni-app", V6["src"], V6["dst"], 5432, srcport=40_006),
    flow("eni-app", "10.0.1.5", "10.0.1.50", 443, srcport=40_007),
)
BLOCKED = flow("", "198.18.7.8", "198.51.100.10", 443, srcport=40_005, bytes=600)
ENDS = ("interface-id", "srcport", "dstport")
CASES = {
    "ingress": ("eni-db", 40_001, 5432),
    "to-s3": ("eni-web", 40_002, 443),
    "from-s3": ("eni-web", 443, 40_002),
    "to-nat": ("eni-app", 40_003, 443),
    "nat": ("eni-nat", 40_003, 443),
    "rejected": ("eni-db", 40_004, 22),
    "ipv6": ("eni-db", 40_006, 5432),
    "endpoint": ("eni-endpoint", 40_007, 443),
}


def zoned(**more: BlockPublicAccess) -> Estate:
    """Return the test estate with ids of zones, and with an owner."""
    made = estate(**more)
    return made.with_changes(
        subnets=tuple(replace(one, zone_id=f"euw1-{one.zone}") for one in made.resources.subnets),
        enis=tuple(replace(one, owner_id="222222222222") for one in made.resources.enis),
    )


@cache
def written() -> tuple[World, Records]:
    world = scripted(zoned(), *FLOWS)
    return world, world.minute(FIRST).records


@cache
def found() -> dict[str, dict[str, str]]:
    """Return the text of every field of each case."""
    world, records = written()
    every = _texts(world, records)
    cases = {
        name: next(one for one in every if tuple(one[key] for key in ENDS) == tuple(map(str, ends)))
        for name, ends in CASES.items()
    }
    blocked = scripted(zoned(block_public_access=BlockPublicAccess("block-bidirectional")), BLOCKED)
    refused = _texts(blocked, blocked.minute(FIRST).records)
    cases["bpa"] = next(one for one in refused if one["srcport"] == "40005")
    web = np.array([world.directory.eni("eni-web")])
    for status in ("NODATA", "SKIPDATA"):
        silence = Rows(world.directory, HERE, EVERY_FIELD, KEYS).silence(
            web, FIRST * 60, FIRST * 60 + 59, status
        )
        cases[status.lower()] = dict(zip(EVERY_FIELD, lines(silence).item().split(" "), strict=True))
    return cases


def _texts(world: World, records: Records) -> list[dict[str, str]]:
    frame = Rows(world.directory, HERE, EVERY_FIELD, KEYS).frame(records)
    return [dict(zip(EVERY_FIELD, line.split(" "), strict=True)) for line in lines(frame)]


@cache
def expected() -> dict[str, dict[str, str]]:
    """Return the table that stands beside this file: field → case → text."""
    head, *rest = (Path(__file__).parent / "every_field.txt").read_text().splitlines()
    cases = head.split()[1:]
    return {row[0]: dict(zip(cases, row[1:], strict=True)) for row in map(str.split, rest)}


def test_the_table_has_every_documented_field() -> None:
    assert list(expected()) == list(EVERY_FIELD)
    assert len(EVERY_FIELD) == 54


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_a_field_is_written_as_documented(field: str) -> None:
    assert {case: record[field] for case, record in found().items()} == expected()[field]


@given(st.lists(st.sampled_from(EVERY_FIELD), min_size=1, unique=True))
def test_any_fields_in_any_order_have_the_same_values(fields: list[str]) -> None:
    """Only `version` differs: it is the highest version among the chosen fields."""
    world, records = written()
    some = records.take(slice(0, 40))
    frame = Rows(world.directory, HERE, tuple(fields), KEYS).frame(some)
    every = Rows(world.directory, HERE, EVERY_FIELD, KEYS).frame(some)
    assert frame.columns == fields
    others = [name for name in fields if name != "version"]
    assert frame.select(others).equals(every.select(others))
    if "version" in fields:
        assert set(frame["version"]) == {max(FIELD_VERSIONS[name] for name in fields)}


@pytest.mark.parametrize(
    ("more", "version"),
    [((), 2), (("tcp-flags",), 3), (("az-id", "type"), 4), (("interface-type", "type"), 11)],
)
def test_the_version_is_the_highest_of_the_fields(more: Format, version: int) -> None:
    world, records = written()
    assert set(Rows(world.directory, HERE, DEFAULT_FORMAT + more).frame(records)["version"]) == {version}


@given(st.lists(st.sampled_from(EVERY_FIELD), min_size=1, unique=True))
def test_lines_are_read_back_by_their_format(fields: list[str]) -> None:
    world, records = written()
    frame = Rows(world.directory, HERE, tuple(fields), KEYS).frame(records.take(slice(0, 40)))
    names = parse_format(log_format(tuple(fields)))
    read = [dict(zip(names, line.split(" "), strict=True)) for line in lines(frame)]
    for given_row, row in zip(frame.iter_rows(named=True), read, strict=True):
        assert row == {name: "-" if value is None else str(value) for name, value in given_row.items()}
    assert not any(is_header(line.encode()) for line in lines(frame))


def test_no_records_are_no_lines() -> None:
    world, records = written()
    assert (
        lines(Rows(world.directory, HERE, EVERY_FIELD, KEYS).frame(records.take(slice(0, 0)))).to_list() == []
    )


def test_parquet_has_underscores_and_the_types_of_the_guide() -> None:
    """VPC guide, "Flow log records": INT_32, INT_64 and STRING; a value that is no number stays text."""
    world, records = written()
    frame = typed(Rows(world.directory, HERE, EVERY_FIELD, KEYS).frame(records))
    assert frame.columns == [name.replace("-", "_") for name in EVERY_FIELD]
    types = {pl.Int32: INTEGERS, pl.Int64: LONGS, pl.String: set(EVERY_FIELD) - INTEGERS - LONGS}
    for kind, names in types.items():
        assert {name.replace("-", "_") for name in names} == {
            name for name, found_kind in frame.schema.items() if found_kind == kind
        }
    assert {len(INTEGERS), len(LONGS)} == {7, 4}


def test_parquet_says_what_lines_say() -> None:
    world, records = written()
    rows = Rows(world.directory, HERE, EVERY_FIELD, KEYS)
    silence = rows.silence(np.array([1, 2]), FIRST * 60, FIRST * 60 + 59, "NODATA")
    for frame in (rows.frame(records), silence):
        assert lines(typed(frame)).to_list() == lines(frame).to_list()


def test_silence_of_nobody_is_no_record() -> None:
    world, _ = written()
    assert (
        Rows(world.directory, HERE, EVERY_FIELD).silence(np.zeros(0, np.int64), 0, 59, "NODATA").height == 0
    )


def test_lines_know_of_addresses_and_interfaces_that_came_later() -> None:
    world = World(estate(enis={one.interface_id: one for one in ENIS[:3]}), 1)
    rows = Rows(world.directory, HERE, EVERY_FIELD)
    before = lines(rows.frame(world.minute(FIRST).records)).to_list()
    late = replace(ENIS[1], interface_id="eni-late", private_ips=("10.0.0.77",), public_ips=())
    world.use(estate(enis={"eni-late": late}))
    after = lines(rows.frame(world.minute(FIRST + 1).records)).to_list()
    assert not any("eni-late" in line for line in before)
    assert any("eni-late" in line and "10.0.0.77" in line for line in after)
