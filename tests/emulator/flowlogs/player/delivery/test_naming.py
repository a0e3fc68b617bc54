"""Keys and stream names as the VPC guide shows them ("Flow log files"): all eight layouts of S3."""

from __future__ import annotations

import re

import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from emulator.flowlogs.flow_log import S3, DestinationOptions, FlowLog, Settings
from emulator.flowlogs.player.delivery.naming import log_stream, object_key
from emulator.scope import Scope

AT_S = 1_700_000_100  # 2023-11-14 22:15:00 UTC
BEFORE = "111111111111_vpcflowlogs_eu-west-1_fl-0123456789abcdef0_20231114T2215Z_"
PLAIN = "AWSLogs/111111111111/vpcflowlogs/eu-west-1/2023/11/14"
HIVE = (
    "AWSLogs/aws-account-id=111111111111/aws-service=vpcflowlogs/aws-region=eu-west-1/"
    "year=2023/month=11/day=14"
)

LAYOUTS = [
    (DestinationOptions("plain-text", False, False), f"{PLAIN}/{BEFORE}", ".log.gz"),
    (DestinationOptions("plain-text", False, True), f"{PLAIN}/22/{BEFORE}", ".log.gz"),
    (DestinationOptions("plain-text", True, False), f"{HIVE}/{BEFORE}", ".log.gz"),
    (DestinationOptions("plain-text", True, True), f"{HIVE}/hour=22/{BEFORE}", ".log.gz"),
    (DestinationOptions("parquet", False, False), f"{PLAIN}/{BEFORE}", ".log.parquet"),
    (DestinationOptions("parquet", False, True), f"{PLAIN}/22/{BEFORE}", ".log.parquet"),
    (DestinationOptions("parquet", True, False), f"{HIVE}/{BEFORE}", ".log.parquet"),
    (DestinationOptions("parquet", True, True), f"{HIVE}/hour=22/{BEFORE}", ".log.parquet"),
]


def flow_log(options: DestinationOptions | None, folder: str = "") -> FlowLog:
    settings = Settings(
        resource_type="VPC",
        traffic_type="ALL",
        destination_type=S3,
        log_destination=f"arn:aws:s3:::lake{folder}",
        log_group_name="",
        permission_arn="",
        cross_account_role="",
        log_format=log_format(DEFAULT_FORMAT),
        fields=DEFAULT_FORMAT,
        interval_s=600,
        options=options,
    )
    return FlowLog("fl-0123456789abcdef0", Scope("111111111111", "eu-west-1"), "vpc-1", settings, 0)


@pytest.mark.parametrize(("options", "before", "after"), LAYOUTS)
def test_a_key_has_its_layout(options: DestinationOptions, before: str, after: str) -> None:
    key = object_key(flow_log(options), AT_S, 0)
    assert re.fullmatch(re.escape(before) + "[0-9a-f]{8}" + re.escape(after), key), key


def test_a_key_begins_with_the_folder() -> None:
    assert object_key(flow_log(None, "/a/b/"), AT_S, 0).startswith(f"a/b/{PLAIN}/{BEFORE}")


def test_the_files_of_five_minutes_have_keys_of_their_own() -> None:
    keys = {object_key(flow_log(None), AT_S, nth) for nth in range(1000)}
    assert len(keys) == 1000
    assert object_key(flow_log(None), AT_S, 7) in keys


def test_a_stream_is_named_after_the_interface_and_what_its_group_is_sent() -> None:
    assert log_stream("eni-1", ["ALL"]) == "eni-1-all"
    assert log_stream("eni-1", ["REJECT", "REJECT"]) == "eni-1-reject"
    assert log_stream("eni-1", ["REJECT", "ACCEPT"]) == "eni-1-all"
