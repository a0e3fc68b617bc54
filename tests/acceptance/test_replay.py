"""`vpcflow replay` as a person runs it: exact on a file of their own, and gone when it is interrupted."""

from __future__ import annotations

import asyncio
import gzip
import signal
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest

from connectors.formats.flowlog import DEFAULT_FORMAT

DEADLINE_S = 120.0


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Start a replay."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "streams.cli",
        "replay",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def flow_log(path: Path) -> None:
    """Write an hour of last year's lines, with a header, CRLF, and two lines that are none."""
    lines = [" ".join(DEFAULT_FORMAT)]
    lines += [
        f"2 123456789012 eni-{i % 7:017x} 10.0.0.1 10.0.0.2 443 {i} 6 {i} {i * 40}"
        f" {1_700_000_000 + i} {1_700_000_060 + i} ACCEPT OK"
        for i in range(3600)
    ]
    lines += [
        "this is no line",
        "2 1 2",
        f"2 123456789012 eni-{1:017x} {'- ' * 7}1700000000 1700000060 - NODATA",
    ]
    with gzip.open(path, "wt") as file:
        file.write("\r\n".join(lines))


@pytest.mark.kafka
async def test_a_file_is_replayed_exactly(tmp_path: Path) -> None:
    """An old file, read in seconds: nothing of it is late, and what is no line is refused."""
    flow_log(tmp_path / "flow.log.gz")
    process = await start("--file", str(tmp_path / "flow.log.gz"), "--payload", "lines", "--json")
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    assert report["windows"]["lines"] == 3601
    assert report["dead"] == {"wrong number of fields": 2}


SCANNED = "eni-0c0ffee0c0ffee001"


def mixed_file(path: Path) -> None:
    """Write an hour with a scan of 200 ports, a second header, the prefix of `aws logs tail`, and JSON."""
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
    lines += ['{"level": "info"}', "2 1 2"]
    lines += [
        " ".join(DEFAULT_FORMAT).replace("packets bytes", "bytes packets").replace("srcport", "src-zone")
    ]
    lines += [
        line.format(f"eni-{i % 7:017x}", 443, 40, 1, begin + i, begin + i, "ACCEPT")
        for i in range(1800, 3600)
    ]
    path.write_text("\n".join(lines))


def last_month(path: Path) -> int:
    """Write a month of hourly lines, one interface after the other as an export has them; return how many."""
    first = int(time.time()) // 3600 * 3600 - 45 * 86_400
    starts = range(first, first + 30 * 86_400, 3600)
    lines = [
        f"2 123456789012 eni-{eni:017x} 10.0.0.1 10.0.0.2 443 40000 6 7 980 {at} {at + 40} ACCEPT OK"
        for eni in range(60)
        for at in starts
    ]
    path.write_text("\n".join([" ".join(DEFAULT_FORMAT), *lines]))
    return len(lines)


@pytest.mark.kafka
async def test_a_file_of_last_month_is_replayed_exactly_and_its_windows_become_final(tmp_path: Path) -> None:
    """Nothing of it is late, though its lines are in no order of time, and are read while they are put."""
    count = last_month(tmp_path / "flow.log")
    process = await start("--file", str(tmp_path / "flow.log"), "--rate", "3000", "--json")
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert (report["exact"], report["dead"]) == (True, {})
    assert report["windows"]["lines"] == count
    assert report["finals"] == {"final": count - 60, "old": count - 60}


@pytest.mark.kafka
async def test_a_file_with_a_scan_has_alerts_found_and_none_of_them_is_false(tmp_path: Path) -> None:
    mixed_file(tmp_path / "flow.log")
    process = await start("--file", str(tmp_path / "flow.log"), "--json")
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    assert report["windows"]["lines"] == 3800
    assert report["dead"] == {"JSON object that is not a flow log": 1, "wrong number of fields": 1}
    assert report["alerts"]["false"] == []
    scans = [alert for alert in report["alerts_found"] if alert["rule"] == "port_scan"]
    assert [alert["labels"]["eni"] for alert in scans] == [SCANNED]
    assert 150 < scans[0]["value"] < 250


@pytest.mark.kafka
@pytest.mark.moto
@pytest.mark.parametrize("source", ["kinesis", "firehose", "s3"])
async def test_a_world_is_replayed_exactly_by_each_way_of_delivery(source: str) -> None:
    """Flow logs of an estate that was built for it; every planted incident that has a detector is found."""
    process = await start("--world", "small", "--records", "20000", "--source", source, "--json")
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    assert report["windows"]["lines"] >= 20_000
    assert {label["kind"] for label in report["alerts"]["found"]} >= {"port_scan"}


@pytest.mark.kafka
@pytest.mark.localstack
async def test_a_load_is_replayed_exactly_through_localstack(localstack_url: str) -> None:
    """With every incident that is planted in a load of this size."""
    process = await start("--records", "5000", "--external-endpoint", localstack_url, "--json")
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    assert report["windows"]["lines"] >= 5000


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupted_replay_leaves_nothing_behind(number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal: every process that was started has ended."""
    process = await start("--records", "2000000", "--rate", "1000")
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
