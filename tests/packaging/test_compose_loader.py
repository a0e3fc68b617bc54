"""compose's own loader (Go module compose-go) accepts `compose.yaml` and resolves it as intended."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.test_compose import FILE, SERVICES, TEXT

pytestmark = pytest.mark.process

SOURCE = Path(__file__).with_name("compose_loader")
PROFILES = ("localstack", "s3", "firehose", "world")
GO_MIN = (1, 24)  # as in compose_loader/go.mod
BUILD_S = 240  # 20 s of CPU with empty caches, and the download of 14 modules


def go() -> str:
    """Return the path of a Go that can build the loader; skip the test if there is none."""
    program = shutil.which("go")
    if program is None:
        pytest.skip("no Go on the PATH, so compose's own loader cannot be built")
    said = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"go(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < GO_MIN:
        pytest.skip(f"Go {said.strip()} is older than 1.24, which compose-go needs")
    return program


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that loads a compose file with compose-go and prints the project."""
    program = tmp_path_factory.mktemp("go") / "compose_loader"
    build = [go(), "build", "-mod=readonly", "-o", str(program), "."]
    done = subprocess.run(build, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=BUILD_S)
    assert done.returncode == 0, done.stderr
    return program


def load(loader: Path, file: Path, *profiles: str) -> subprocess.CompletedProcess[str]:
    """Load a compose file."""
    return subprocess.run(
        [loader, file, *profiles], env={}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def project(loader: Path) -> dict[str, Any]:
    """The project of `compose.yaml` with every profile, as compose resolves it."""
    done = load(loader, FILE, *PROFILES)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_loader_finds_every_service(project: dict[str, Any]) -> None:
    assert project["services"].keys() == SERVICES.keys()


def test_without_a_profile_one_of_each_process_runs(loader: Path) -> None:
    services = json.loads(load(loader, FILE).stdout)["services"]
    assert services.keys() == {
        "kafka",
        "emulate",
        "connect",
        "inventory",
        "work",
        "archive",
        "notify",
        "serve",
    }


def test_ports_are_published_on_loopback_only(project: dict[str, Any]) -> None:
    ports = [port for service in project["services"].values() for port in service.get("ports", [])]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_aliases_resolve_to_two_images(project: dict[str, Any]) -> None:
    builds = {(s["image"], s["build"]["target"]) for s in project["services"].values() if "build" in s}
    assert builds == {("vpcflow:local", "production"), ("vpcflow-emulator:local", "emulator")}


def test_variables_have_their_defaults(project: dict[str, Any]) -> None:
    environment = project["services"]["connect-s3"]["environment"]
    assert environment["AWS_ENDPOINT_URL"] == "http://emulate:4566"
    assert environment["VPCFLOW_S3_BUCKET"] == "flow-logs"


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("    healthcheck: *ready\n", "    helthcheck: *ready\n", "helthcheck"),
        ("kafka: {condition: service_healthy}", "kafak: {condition: service_healthy}", "kafak"),
        ("interval: 5s", "interval: five", "five"),
    ],
)
def test_the_loader_refuses_what_compose_refuses(
    loader: Path, tmp_path: Path, right: str, wrong: str, named: str
) -> None:
    assert right in TEXT
    copy = tmp_path / "compose.yaml"
    copy.write_text(TEXT.replace(right, wrong, 1))
    done = load(loader, copy, *PROFILES)
    assert done.returncode == 1
    assert named in done.stderr
