"""Processes start in bare containers: no home, a read-only package, Kubernetes's variables."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from emulator.kafka.ports import free_port
from tests.processes import answers, environment, until

pytestmark = [pytest.mark.kafka, pytest.mark.process]

ROOT = Path(__file__).parents[2]
NOWHERE = "/dev/null/home"
LINKS = {
    "VPCFLOW_PORT": "tcp://10.96.7.7:8080",
    "VPCFLOW_SERVICE_HOST": "10.96.7.7",
    "VPCFLOW_SERVICE_PORT_HTTP": "8080",
    "VPCFLOW_PORT_8080_TCP": "tcp://10.96.7.7:8080",
    "VPCFLOW_KAFKA_PORT": "tcp://10.96.7.9:9092",
    "VPCFLOW_KAFKA_SERVICE_HOST": "10.96.7.9",
    "VPCFLOW_HEALTH_SERVICE_HOST": "10.96.7.9",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the packages with a file in the place of each `__pycache__`: not even root can write."""
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "static")
    for name in ("connectors", "streams", "emulator"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("a file, not a folder")
    return copy


@asynccontextmanager
async def running(package: Path, folder: Path, *command: str, **env: str) -> AsyncIterator[Path]:
    """Run a subcommand from a folder; yields the file of its standard error, and ends it by SIGTERM."""
    kept = {
        n: v
        for n, v in os.environ.items()
        if not n.startswith(("VPCFLOW_", "HOME", "XDG_", "NUMBA_", "PYTHON"))
    }
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams.cli", *command),
            cwd=folder,
            env={**kept, "PYTHONPATH": str(package), **env},
            stderr=stderr,
        )
        try:
            yield errors
            assert process.returncode is None, errors.read_text()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


@pytest.mark.parametrize("home", [{"HOME": NOWHERE}, {}], ids=["unusable", "absent"])
async def test_work_starts_on_a_read_only_root_file_system(
    kafka: str, prefix: str, package: Path, tmp_path: Path, home: dict[str, str]
) -> None:
    """No folder but a temporary one is writable; numba raised "cannot cache function" at import."""
    port = free_port()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = environment(kafka, prefix, 1, health_port=port) | home | {"TMPDIR": str(temporary)}
    async with running(package, tmp_path, "work", **env):
        await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "a ready worker")


async def test_a_process_starts_among_kubernetes_service_links(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    """They are ignored with one log line; `VPCFLOW_PORT` keeps its default."""
    port = free_port()
    env = environment(kafka, prefix, 1, health_port=port) | LINKS
    async with running(ROOT, tmp_path, "work", **env) as errors:
        await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "a ready worker")
    (line,) = [one for one in errors.read_text().splitlines() if "service links ignored" in one]
    assert all(name in line for name in LINKS)


async def test_notify_answers_probes_at_the_address_of_the_pod(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    """127.0.0.2 stands for the address of a pod, which is not the default address of the health port."""
    port = free_port()
    env = environment(kafka, prefix, 1, health_port=port, health_host="0.0.0.0")
    async with running(ROOT, tmp_path, "notify", **env):
        for path in ("livez", "readyz", "metrics"):
            await until(partial(answers, f"http://127.0.0.2:{port}/{path}"), f"an answer of /{path}")
