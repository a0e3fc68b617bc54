"""What a key of an object says, where keys are looked for, and what is remembered and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.s3.keys import (
    CommittedProgress,
    File,
    advice,
    as_object,
    decode_progress,
    folder,
    is_write_test,
    oldest_listed_s,
    parse_key,
    prune,
    service_folders,
    start_after,
)

DAY = 86_400
NAME = "123456789012_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz"
FILE = File("123456789012", "us-east-1", "fl-1234abcd", 1529511600)
PLAIN = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20"
HIVE = "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1"
HIVE_TGW = HIVE.replace("aws-service", "service")
DAYS = "year=2018/month=06/day=20"


@pytest.mark.parametrize("before", ["", "flow-logs/", "a b/ü+%/"])
@pytest.mark.parametrize(
    "layout",
    [
        PLAIN,
        f"{PLAIN}/16",
        f"{HIVE}/{DAYS}",
        f"{HIVE}/{DAYS}/hour=16",
        f"{HIVE_TGW}/{DAYS}",
        f"{HIVE_TGW}/{DAYS}/hour=16",
    ],
)
@pytest.mark.parametrize("end", [".log.gz", ".log.parquet", ".log"])
def test_every_documented_layout_is_read(before: str, layout: str, end: str) -> None:
    assert parse_key(f"{before}{layout}/{NAME.removesuffix('.log.gz')}{end}") == FILE


@pytest.mark.parametrize(
    "key",
    [
        "",
        "AWSLogs/",
        f"{PLAIN}/",
        "AWSLogs/123456789012/CloudTrail/us-east-1/2018/06/20/123456789012_CloudTrail_us-east-1_x.json.gz",
        f"{PLAIN}/{NAME}.tmp",
        f"{PLAIN}/{NAME.replace('123456789012', '12345')}",
        f"{PLAIN}/{NAME.replace('20180620', '20181320')}",
        f"{PLAIN}/{NAME.replace('vpcflowlogs', 'elasticloadbalancing')}",
        f"{PLAIN}/{NAME}\n",
        "AWSLogs/123456789012/vpcflowlogs/us-east-1/aws-log-delivery-test-file",
    ],
)
def test_other_keys_are_none_of_ours(key: str) -> None:
    assert parse_key(key) is None
    assert as_object("bucket", key, "etag") is None


@pytest.mark.parametrize(
    ("prefix", "before"),
    [
        ("", ""),
        ("/", ""),
        ("AWSLogs", ""),
        ("AWSLogs/", ""),
        ("a", "a/"),
        ("a/b/", "a/b/"),
        ("/a/AWSLogs/", "a/"),
    ],
)
def test_a_prefix_may_be_written_with_or_without_slashes(prefix: str, before: str) -> None:
    assert folder(prefix) == before


def test_accounts_of_both_styles_lead_to_their_services() -> None:
    children = [
        "x/AWSLogs/123456789012/",
        "x/AWSLogs/aws-account-id=210987654321/",
        "x/AWSLogs/o-12345/",
        "x/AWSLogs/notes/",
    ]
    assert service_folders("x", children) == [
        "x/AWSLogs/123456789012/vpcflowlogs/",
        "x/AWSLogs/aws-account-id=210987654321/aws-service=vpcflowlogs/",
        "x/AWSLogs/aws-account-id=210987654321/service=vpcflowlogs/",
    ]


@pytest.mark.parametrize(
    ("region", "days"),
    [("AWSLogs/1/vpcflowlogs/us-east-1/", ["2018/06/20/"]), (f"{HIVE}/", ["year=2018/month=06/day=20/"])],
)
def test_a_listing_begins_with_the_day_of_the_look_back(region: str, days: list[str]) -> None:
    begin = start_after(region, FILE.file_s)
    assert begin == region + days[0]
    style = "{}/{:02}/{:02}/" if "=" not in days[0] else "year={}/month={:02}/day={:02}/"
    newer = [(2018, 6, 20), (2018, 6, 21), (2018, 10, 1), (2019, 1, 1)]
    older = [(2018, 6, 19), (2018, 5, 31), (2017, 12, 31)]
    assert all(region + style.format(*day) + NAME > begin for day in newer)
    assert all(region + style.format(*day) + NAME < begin for day in older)


def test_a_look_back_beyond_1970_is_everything() -> None:
    assert start_after("r/", -5).endswith("1970/01/01/")


def test_another_etag_is_another_object_and_quotes_are_no_part_of_it() -> None:
    first, same, other = (as_object("b", NAME, etag) for etag in ('"1"', "1", "2"))
    assert first is not None
    assert same is not None
    assert other is not None
    assert first.mark == same.mark != other.mark
    assert first.name == other.name == f"b/{NAME}"


def test_a_bar_in_a_key_confuses_nothing() -> None:
    one, other = as_object("b", f"x|y/{NAME}", "1"), as_object("b", f"x/{NAME}", "1")
    assert one is not None
    assert other is not None
    assert one.mark != other.mark
    now = FILE.file_s + 10 * DAY
    assert one.mark in prune({one.mark: CommittedProgress(1, FILE.file_s, True).encode()}, now, DAY)


def test_progress_is_read_back() -> None:
    progress = CommittedProgress(77, 1_700_000_000, True, "truncated gzip")
    assert decode_progress(progress.encode()) == progress
    assert decode_progress(None) == CommittedProgress()


def mark(days_ago: int, now: int) -> bytes:
    at = f"{datetime.fromtimestamp(now - days_ago * DAY, UTC):%Y%m%dT%H%M}"
    found = as_object("b", f"{PLAIN}/{NAME.replace('20180620T1620', at)}", "e")
    assert found is not None
    return found.mark


def test_what_is_old_in_both_times_is_forgotten_and_no_listing_reads_it_again() -> None:
    """A played world may lie in another time than ours: neither time alone forgets."""
    now = FILE.file_s + 100 * DAY
    old, new = now - 30 * DAY, now - DAY
    state = {
        mark(20, now): CommittedProgress(5, old, True).encode(),
        mark(21, now): CommittedProgress(5, old).encode(),
        mark(22, now): CommittedProgress(5, new, True).encode(),
        mark(2, now): CommittedProgress(5, old, True).encode(),
        b"number": b"7",
        b"shard|x|y": b"{}",
    }
    forgotten = prune(state, now, 15 * DAY)
    assert {key for key, value in forgotten.items() if value is None} == {mark(20, now), mark(21, now)}
    kept = {key: value for key, value in (state | forgotten).items() if value is not None}
    assert oldest_listed_s(now, 90 * DAY, kept) == now - 20 * DAY + 1
    assert oldest_listed_s(now, DAY, kept) == now - DAY
    assert prune(kept, now, 15 * DAY) == {}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (f"prod/{PLAIN}/{NAME}", "VPCFLOW_S3_PREFIX=prod"),
        ("flows/2026/09/21/13/flows-1-2026-09-21-13-05-00-0c0ffee.gz", "vpcflow connect firehose"),
        ("2026/09/21/13/a_b.c-d-12-2026-09-21-13-05-00-0c0ffee0-c0ff-ee00-c0ff-ee00c0ffee00", "Firehose"),
        ("x/2ac20f39-7a11-4bbd-ad70-1b1e5d0b3d1a/eni-1-all/000000.gz", "VPCFLOW_S3_EXPORTS=x"),
    ],
)
def test_a_known_kind_of_object_comes_with_advice(key: str, words: str) -> None:
    assert words in advice(key)


def test_an_unknown_kind_of_object_has_no_advice() -> None:
    assert advice("AWSLogs/111122223333/CloudTrail/us-east-1/2026/09/21/x.json.gz") == ""


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (f"x/{PLAIN}/aws-log-delivery-test-file", True),
        ("exports/aws-logs-write-test", True),
        ("others/aws-logs-write-test", False),
        (f"x/{PLAIN}/{NAME}", False),
    ],
)
def test_what_aws_writes_to_test_permissions_is_recognised(key: str, is_one: bool) -> None:
    assert is_write_test(key, "x", "exports/") is is_one
