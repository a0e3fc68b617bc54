"""The keys of flow-log objects, the folders that are listed, and the marks of committed objects. Pure.

The eight documented layouts differ in folders only. Account, Region, flow log and time are in the file name.
Bucket, key and ETag identify an object: a key that is written again with other bytes is another object.
Source: VPC guide, "Flow log files"; Transit Gateway guide, which writes `service=` for `aws-service=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

DAY_S = 86_400
SERVICES = {False: ("vpcflowlogs/",), True: ("aws-service=vpcflowlogs/", "service=vpcflowlogs/")}
"""Folders of the service below an account, by whether the layout is Hive's."""

_NAME = re.compile(
    r"(?P<account>\d{12})_vpcflowlogs_(?P<region>[a-z0-9-]+)_(?P<flow_log_id>fl-[0-9a-z]+)"
    r"_(?P<time>\d{8}T\d{4})Z_[0-9A-Za-z]+\.log(?:\.gz|\.parquet)?"
)
_WRITE_TESTS = {"aws-logs-write-test", "aws-log-delivery-test-file"}
"""Names of objects by which CloudWatch Logs and vended logs test that they may write to a bucket."""

_FIREHOSE = re.compile(
    r"(?P<before>.*?)\d{4}/\d{2}/\d{2}/\d{2}/[A-Za-z0-9_.-]{1,64}-\d+(?:-\d{2,4}){6}-[0-9A-Za-z-]+(?:\.\w+)*"
)
"""A key of Firehose's default layout. Source: Firehose guide, "Configure Amazon S3 object name format"."""

_EXPORT = re.compile(r"(?P<before>.+)/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+/\d{6}\.gz")
_ACCOUNT = re.compile(r"(?:aws-account-id=)?\d{12}/")
_KIND = b"object|"
_PRUNED = b"objects-pruned"


@dataclass(frozen=True, slots=True)
class File:
    """The parts of the name of a flow-log file; `file_s` is the beginning of its five minutes.

    A file without a header has a `line_format`, and the time of its creation in `file_s`; 0 if it is unknown.
    """

    account: str
    region: str
    flow_log_id: str
    file_s: int
    line_format: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """One version of an object. `etag` has no quotes."""

    bucket: str
    key: str
    etag: str
    file: File

    @property
    def name(self) -> str:
        """Return the bucket and key, for display and for the choice of the slot."""
        return f"{self.bucket}/{self.key}"

    @property
    def mark(self) -> bytes:
        """Return the state key. Bucket and ETag contain no bar, so no two objects share a key."""
        return _KIND + f"{self.bucket}|{self.key}|{self.etag}".encode()


@dataclass(frozen=True, slots=True)
class CommittedProgress:
    """The committed position in an object: `at` is bytes of its text, or rows of Parquet.

    `written_s` is the time of the commit. `why` is the reason if the object ended without being read whole.
    """

    at: int = 0
    written_s: int = 0
    is_done: bool = False
    why: str = ""

    def encode(self) -> bytes:
        """Return the value kept on the `positions` topic."""
        # An exact copy: the result of orjson keeps a buffer of a kilobyte (measured) for each mark.
        return bytes(memoryview(orjson.dumps(self)))


def decode_progress(value: bytes | None) -> CommittedProgress:
    """Decode the progress of an object; without a value, nothing of it is committed."""
    return CommittedProgress(**orjson.loads(value)) if value else CommittedProgress()


def parse_key(key: str) -> File | None:
    """Parse the name of a flow-log file; return None for any other key."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    if found is None:
        return None
    try:
        at = datetime.strptime(found["time"], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    return File(found["account"], found["region"], found["flow_log_id"], int(at.timestamp()))


def is_write_test(key: str, prefix: str = "", exports_folder: str = "") -> bool:
    """Return whether AWS wrote this object to test its permissions."""
    inside = key.startswith((folder(prefix), exports_folder) if exports_folder else folder(prefix))
    return inside and key.rpartition("/")[2] in _WRITE_TESTS


def as_object(bucket: str, key: str, etag: str) -> Object | None:
    """Return the flow-log object of a key, or None for any other key."""
    file = parse_key(key)
    return None if file is None else Object(bucket, key, etag.strip('"'), file)


def advice(key: str) -> str:
    """Return how to make an ignored object readable; empty if its kind is unknown."""
    if parse_key(key) is not None and (at := key.find("AWSLogs/")) >= 0:
        return f"flow logs are there: set VPCFLOW_S3_PREFIX={key[:at].rstrip('/')}"
    if found := _EXPORT.fullmatch(key):
        return f"CloudWatch Logs exported it: if it has flow logs, set VPCFLOW_S3_EXPORTS={found['before']}"
    if _FIREHOSE.fullmatch(key):
        return (
            "Firehose wrote it: if it has flow logs, let the delivery stream post to"
            " `vpcflow connect firehose` instead, or let the flow log deliver to S3 itself"
        )
    return ""


def folder(prefix: str) -> str:
    """Return the folder before `AWSLogs/` from the setting, which may have slashes."""
    inner = prefix.strip("/").removesuffix("AWSLogs").rstrip("/")
    return f"{inner}/" if inner else ""


def is_account_folder(path: str, prefix: str) -> bool:
    """Return whether this is the folder of an account in `<folder>AWSLogs/`."""
    base = f"{folder(prefix)}AWSLogs/"
    return path.startswith(base) and _ACCOUNT.fullmatch(path, len(base)) is not None


def service_folders(prefix: str, children: Iterable[str]) -> list[str]:
    """Return the folders that may hold Regions, from those found in `<folder>AWSLogs/`."""
    base = f"{folder(prefix)}AWSLogs/"
    accounts = [one for one in children if is_account_folder(one, prefix)]
    return [account + service for account in accounts for service in SERVICES["=" in account[len(base) :]]]


def start_after(region_folder: str, from_s: int) -> str:
    """Return the key after which a listing of a Region's folder begins. Keys sort by day.

    One listing has all newer and all delayed objects. A `from_s` before 1970 lists all.
    """
    day = datetime.fromtimestamp(max(from_s, 0), UTC)
    is_hive = "=" in region_folder.rstrip("/").rpartition("/")[2]
    return region_folder + (f"year={day:%Y}/month={day:%m}/day={day:%d}/" if is_hive else f"{day:%Y/%m/%d}/")


def oldest_listed_s(now_s: float, look_back_s: int, state: Mapping[bytes, bytes]) -> int:
    """Return the time of the oldest file that a listing may add: after the newest file with a deleted mark.

    An older file may have been committed. This matters after the look-back was set to a longer time.
    """
    return max(int(now_s) - look_back_s, int(state.get(_PRUNED, b"-1")) + 1)


def prune(state: Mapping[bytes, bytes], now_s: float, keep_s: int) -> dict[bytes, bytes | None]:
    """Return the deletion of marks that are older than `keep_s`, with the time of the newest deleted one.

    Both the time in the name and the time of the commit must be older: a simulation may use another time.
    """
    before = int(now_s) - keep_s
    forgotten: dict[bytes, bytes | None] = {}
    newest = int(state.get(_PRUNED, b"-1"))
    for mark, value in state.items():
        if not mark.startswith(_KIND) or (written_s := decode_progress(value).written_s) >= before:
            continue
        file = parse_key(mark.decode().rpartition("|")[0])
        file_s = file.file_s if file else written_s  # an exported file is no younger than that
        if file_s < before:
            forgotten[mark] = None
            newest = max(newest, file_s)
    if forgotten:
        forgotten[_PRUNED] = b"%d" % newest
    return forgotten
