"""`vpcflow replay` as a person runs it: exact on a file of their own, and gone when it is interrupted."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT

DEADLINE_S = 120.0
ENIS = 20
WORLD_RECORDS = 9_000
"""Those of about six minutes; the scan is in the fourth."""


async def start(*arguments: str, kafka: str = "") -> asyncio.subprocess.Process:
    """Start a replay, on a running Kafka or on one of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "streams.cli",
        "replay",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **({"VPCFLOW_KAFKA": kafka} if kafka else {})},
    )


async def report_of(*arguments: str, kafka: str = "") -> Any:
    """Run a replay to its end; return its report, which is exact."""
    process = await start(*arguments, "--json", kafka=kafka)
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    return report


SCANNED = "eni-0c0ffee0c0ffee001"


def mixed_file(path: Path) -> None:
    """Write an hour of old lines as gzip, with CRLF: a scan of 200 ports, a NODATA line, a second header,
    the prefix of `aws logs tail`, JSON, and lines that are none.
    """
    line = "2 123456789012 {} 10.0.0.1 10.0.0.2 443 {} 6 {} {} {} {} {} OK"
    begin = 1_700_000_040
    lines = ["\ufeff" + " ".join(DEFAULT_FORMAT)]
    lines += [
        line.format(f"eni-{i % 7:017x}", 443, 1, 40, begin + i, begin + i, "ACCEPT") for i in range(1800)
    ]
    ports = range(1000, 1000 + 200 * 47, 47)
    lines += [
        "2026-09-21T13:05:11.123000+00:00 eni-all "
        + line.format(SCANNED, port, 1, 40, begin + 600, begin + 600, "REJECT")
        for port in ports
    ]
    lines += [f"2 123456789012 eni-{1:017x} {'- ' * 7}{begin} {begin + 60} - NODATA"]
    lines += ['{"level": "info"}', "2 1 2", "this is no line"]
    lines += [
        " ".join(DEFAULT_FORMAT).replace("packets bytes", "bytes packets").replace("srcport", "src-zone")
    ]
    lines += [
        line.format(f"eni-{i % 7:017x}", 443, 40, 1, begin + i, begin + i, "ACCEPT")
        for i in range(1800, 3600)
    ]
    with gzip.open(path, "wt", newline="") as file:
        file.write("\r\n".join(lines))


def last_month(path: Path) -> int:
    """Write a month of hourly lines, one interface after the other as an export has them; return how many."""
    first = int(time.time()) // 3600 * 3600 - 45 * 86_400
    starts = range(first, first + 30 * 86_400, 3600)
    lines = [
        f"2 123456789012 eni-{eni:017x} 10.0.0.1 10.0.0.2 443 40000 6 7 980 {at} {at + 40} ACCEPT OK"
        for eni in range(ENIS)
        for at in starts
    ]
    path.write_text("\n".join([" ".join(DEFAULT_FORMAT), *lines]))
    return len(lines)


@pytest.mark.kafka
@pytest.mark.load
async def test_a_file_of_last_month_is_replayed_exactly_and_its_windows_become_final(
    kafka: str, tmp_path: Path
) -> None:
    """Nothing of it is late, though its lines are in no order of time, and are read while they are put."""
    count = last_month(tmp_path / "flow.log")
    arguments = ("--file", str(tmp_path / "flow.log"), "--rate", "3000", "--payload", "lines")
    report = await report_of(*arguments, kafka=kafka)
    assert report["dead"] == {}
    assert report["windows"]["lines"] == count
    assert report["finals"] == {"final": count - ENIS, "old": count - ENIS}


@pytest.mark.kafka
async def test_a_file_with_a_scan_is_replayed_exactly_and_its_alerts_are_found_and_none_is_false(
    kafka: str, tmp_path: Path
) -> None:
    """An old file, read in seconds: nothing of it is late, and what is no line is refused."""
    mixed_file(tmp_path / "flow.log.gz")
    report = await report_of("--file", str(tmp_path / "flow.log.gz"), kafka=kafka)
    assert report["windows"]["lines"] == 3801
    assert report["dead"] == {"JSON object that is not a flow log": 1, "wrong number of fields": 2}
    assert report["alerts"]["false"] == []
    scans = [alert for alert in report["alerts_found"] if alert["rule"] == "port_scan"]
    assert [alert["labels"]["eni"] for alert in scans] == [SCANNED]
    assert 150 < scans[0]["value"] < 250


@pytest.mark.kafka
async def test_a_simulated_load_is_replayed_exactly_and_its_incidents_are_found(kafka: str) -> None:
    """As `make replay` does, but for the number of lines. Old windows are final."""
    report = await report_of("--records", "20000", kafka=kafka)
    assert report["windows"]["lines"] == 20_000
    assert {label["kind"] for label in report["alerts"]["found"]} == {"port_scan", "removed_rule"}
    assert report["alerts"]["false"] == []
    assert report["finals"]["final"] == report["finals"]["old"] > 500


@pytest.mark.kafka
@pytest.mark.moto
@pytest.mark.parametrize(
    "source",
    [pytest.param("kinesis", marks=pytest.mark.load), "firehose", pytest.param("s3", marks=pytest.mark.load)],
)
async def test_a_world_is_replayed_exactly_by_each_way_of_delivery(source: str, kafka: str) -> None:
    """Flow logs of an estate that was built for it; a planted incident that has a detector is found."""
    report = await report_of(
        *("--world", "small", "--records", str(WORLD_RECORDS), "--source", source), kafka=kafka
    )
    assert report["windows"]["lines"] >= WORLD_RECORDS
    assert {label["kind"] for label in report["alerts"]["found"]} >= {"port_scan"}


@pytest.mark.kafka
@pytest.mark.localstack
async def test_a_load_is_replayed_exactly_through_localstack(localstack_url: str) -> None:
    """With every incident that is planted in a load of this size."""
    report = await report_of("--records", "10000", "--external-endpoint", localstack_url)
    assert report["windows"]["lines"] == 10_000
    assert len(report["alerts"]["found"]) == 2


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupted_replay_leaves_nothing_behind(number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal: every process that was started has ended."""
    process = await start("--records", "60000", "--rate", "100")
    children: list[psutil.Process] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(children) < 3 and time.monotonic() < deadline:
        children = psutil.Process(process.pid).children(recursive=True)
        await asyncio.sleep(0.05)
    process.send_signal(number)
    await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 130
    assert len(children) >= 3
    assert not [child for child in children if child.is_running()]
