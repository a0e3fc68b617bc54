"""The steps of the production image, in an environment of its own: lock, wheel, every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.packaging.locks import PRODUCTION, ROOT, pins

pytestmark = pytest.mark.packages

PIP = ("-m", "pip", "--disable-pip-version-check")
PROCESSES = (
    ("connect", "kinesis"),
    ("connect", "s3"),
    ("connect", "firehose"),
    ("connect", "positions"),
    ("inventory",),
    ("work",),
    ("archive",),
    ("notify",),
    ("serve",),
    ("check",),
)


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that does not find this checkout; return its output."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the production lock and the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("image")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    run(sys.executable, *PIP, *wheel, cwd=folder)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    run(python, *PIP, "install", "--require-hashes", "--requirement", PRODUCTION, cwd=folder)
    run(python, *PIP, "install", "--no-deps", *folder.glob("*.whl"), cwd=folder)
    return python


def test_pip_installs_fewer_than_60_packages(python: Path) -> None:
    listed = json.loads(run(python, *PIP, "list", "--format", "json", cwd=python.parent))
    names = {one["name"].lower() for one in listed} - {"pip", "setuptools", "vpc-flow-streams"}
    assert len(names) == len(pins(PRODUCTION)) < 60


@pytest.mark.parametrize("words", PROCESSES, ids=" ".join)
def test_a_process_of_production_starts(python: Path, words: tuple[str, ...]) -> None:
    shown = run(python.with_name("vpcflow"), *words, "--help", cwd=python.parent)
    assert shown.startswith(f"Usage: vpcflow {' '.join(words)}")


def test_the_wheel_has_the_page_and_every_module(python: Path) -> None:
    program = (
        "import streams.worker.work, streams.archive.archive, streams.alerts.notify, streams.web.app,"
        " connectors.kinesis.connector, connectors.s3.connector, connectors.firehose.connector;"
        " from streams.web.shell import MANIFEST, STATIC; print((STATIC / MANIFEST).is_file());"
        " from streams.schemas.files import topic_schema; print(bool(topic_schema('aggregates')))"
    )
    assert run(python, "-c", program, cwd=python.parent).split() == ["True", "True"]
