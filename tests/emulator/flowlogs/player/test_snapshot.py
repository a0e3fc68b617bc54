"""What the process that plays the world is sent comes out of JSON as it went in."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import log_format
from emulator.flowlogs.flow_log import (
    CLOUDWATCH,
    FIREHOSE,
    S3,
    DestinationOptions,
    FlowLog,
    Settings,
    TagFields,
)
from emulator.flowlogs.player.snapshot import Snapshot, snapshot
from emulator.scope import Scope
from emulator.world.settings import WorldSettings
from tests.emulator.flowlogs.player.portions import EVERY_FIELD, flow_log

fields = st.lists(st.sampled_from(EVERY_FIELD), min_size=1, unique=True).map(tuple)
options = st.builds(
    DestinationOptions, st.sampled_from(["plain-text", "parquet"]), st.booleans(), st.booleans()
)
tags = st.builds(
    TagFields,
    st.sampled_from(["instance", "network-interface", "auto-scaling-group"]),
    st.lists(st.text(max_size=8), max_size=2).map(tuple),
)
settings = st.builds(
    Settings,
    resource_type=st.sampled_from(["VPC", "Subnet", "NetworkInterface"]),
    traffic_type=st.sampled_from(["ALL", "ACCEPT", "REJECT"]),
    destination_type=st.sampled_from([CLOUDWATCH, S3, FIREHOSE]),
    log_destination=st.text(max_size=30),
    log_group_name=st.text(max_size=10),
    permission_arn=st.text(max_size=10),
    cross_account_role=st.just(""),
    log_format=fields.map(log_format),
    fields=fields,
    interval_s=st.sampled_from([60, 600]),
    options=st.none() | options,
    tag_fields=st.lists(tags, max_size=3).map(tuple),
)
flow_logs = st.builds(
    FlowLog,
    st.from_regex(r"fl-[0-9a-f]{17}", fullmatch=True),
    st.builds(
        Scope, st.from_regex(r"[0-9]{12}", fullmatch=True), st.sampled_from(["eu-west-1", "us-east-1"])
    ),
    st.text(max_size=10),
    settings,
    st.integers(0, 1 << 50),
)
worlds = st.builds(
    WorldSettings, st.integers(0, 1 << 40), speed=st.floats(0.5, 3600), records=st.integers(0, 1000)
)
snapshots = st.builds(
    Snapshot, st.lists(flow_logs, max_size=3), st.integers(0, 1 << 40), st.integers(0, 1 << 40), worlds
)


@given(snapshots)
def test_a_snapshot_is_read_back_as_it_was(sent: Snapshot) -> None:
    line = orjson.dumps(sent.document())
    assert b"\n" not in line
    assert snapshot(orjson.loads(line)) == sent


def test_what_is_no_part_of_playing_stays_behind() -> None:
    """The player writes neither tags nor errors, and a flow log that it is told of has delivered nothing."""
    one = flow_log()
    one.tags, one.error, one.reason, one.delivered.lines = {"team": "shop"}, "Access error", "no role", 5
    (read,) = snapshot(Snapshot([one], 1, 2, WorldSettings()).document()).flow_logs
    assert (read.tags, read.error, read.reason, read.delivered.lines) == ({}, "", "", 0)
    assert (read.flow_log_id, read.settings, read.scope) == (one.flow_log_id, one.settings, one.scope)
