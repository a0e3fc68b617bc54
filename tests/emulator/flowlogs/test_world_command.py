"""`vpcflow world` as a person runs it: against an emulator, to its end, and where it cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from emulator.kafka.ports import free_port
from emulator.ledger.ledger import from_json
from tests.emulator.flowlogs.account import Account

pytestmark = [pytest.mark.moto, pytest.mark.process]

ROOT = Path(__file__).parents[3]


def world(url: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, with nothing of this process's settings."""
    command = [sys.executable, "-m", "streams.cli", "world", "--endpoint", url, *arguments]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200", "HOME": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_bounded_world_ends_with_its_ledger_and_takes_its_flow_logs_away(url: str, tmp_path: Path) -> None:
    done = world(
        url, tmp_path, *("--topology", "small", "--to", "s3", "--records", "3000"), "--ledger", "ledger.json"
    )
    assert done.returncode == 0, done.stderr
    assert "small was built: 1 VPCs, 10 interfaces" in done.stdout
    ledger = from_json((tmp_path / "ledger.json").read_bytes())
    assert ledger.lines >= 3000
    beside = orjson.loads((tmp_path / "ledger.json").read_bytes())
    assert {"peers", "ports", "flow_logs"} <= set(beside)
    with Account(url, "000000000000") as account:
        assert account.described() == []
    again = world(url, tmp_path, *("--topology", "small", "--to", "s3", "--records", "1000"))
    assert "small was there" in again.stdout


def test_what_cannot_be_is_one_sentence(url: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nvpcs:\n  a:\n    cidrs: [10.0.0.0/8]\n")
    nobody = f"http://127.0.0.1:{free_port()}"
    refused = {
        ("--topology", "bad.yaml"): "bad.yaml:4: 10.0.0.0/8 must be an IPv4 block between /16 and /28.",
        ("--topology", "nowhere"): "nowhere is none of the presets (small, shop, estate)",
        ("--incidents", "earthquake"): "There is no incident `earthquake`",
        ("--speed", "0"): "Invalid value for '--speed': 0.0 is not in the range 0<x<=3600.",
        ("--start", "yesterday"): "--start yesterday is not a time: use ISO 8601",
        ("--start", "2999-01-01T00:00:00Z"): "--start 2999-01-01T00:00:00Z is not in the past",
    }
    for arguments, sentence in refused.items():
        done = world(url, tmp_path, *arguments)
        assert done.returncode in {1, 2}  # 2 is click's, for what an option says of itself
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    assert f"No emulator answers at {nobody}" in world(nobody, tmp_path, "--topology", "small").stderr
