"""Kernels are compiled where neither the package nor the home folder can be written.

Root may write where permission bits forbid it, so the folders are made unusable: a file is where
a folder should be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams import kernel_cache

ROOT = Path(__file__).parents[2]
NOWHERE = "/dev/null/home"
MODULE = """
from streams.compiled import kernel

@kernel
def double(number):
    return 2 * number
"""
CODE = """
from streams import kernel_cache
{prepare}
from streams.doubling import double
assert double(21) == 42
print(double.stats.cache_path)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the modules, beside which nothing can be written."""
    package = tmp_path / "copy" / "streams"
    package.mkdir(parents=True)
    for name in ("__init__", "compiled", "kernel_cache"):
        shutil.copy(ROOT / "streams" / f"{name}.py", package)
    (package / "doubling.py").write_text(MODULE)
    (package / "__pycache__").write_text("a file, not a folder")
    return package


def cached_in(package: Path, prepare: str, **environment: str) -> str:
    """Run a kernel in a process of its own; return where it is kept."""
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("NUMBA_", "XDG_", "PYTHON"))}
    told = subprocess.run(
        [sys.executable, "-c", CODE.format(prepare=prepare)],
        cwd=package.parent,
        env={**inherited, "PYTHONPATH": str(package.parent), "HOME": NOWHERE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


@pytest.mark.process
def test_a_read_only_package_and_home_put_the_cache_into_a_temporary_folder(
    package: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    kept = cached_in(package, "kernel_cache.prepare()", TMPDIR=str(temporary))
    assert kept.startswith(str(temporary / f"vpcflow-numba-{os.getuid()}"))
    assert list(Path(kept).glob("doubling.double-*.nbc"))


@pytest.mark.process
def test_where_no_folder_is_writable_kernels_stay_in_memory(package: Path) -> None:
    assert cached_in(package, "", NUMBA_CACHE_DIR=NOWHERE) == "None"


def test_numba_s_own_places_are_left_alone(tmp_path: Path) -> None:
    environment = {"HOME": NOWHERE}
    kernel_cache.prepare(environment, tmp_path)
    assert environment == {"HOME": NOWHERE}
    assert (
        kernel_cache.described(environment, tmp_path)
        == f"compiled kernels are cached in {tmp_path}/__pycache__"
    )


def test_a_folder_of_the_user_is_left_alone(package: Path) -> None:
    environment = {"HOME": NOWHERE, "NUMBA_CACHE_DIR": "/somewhere"}
    kernel_cache.prepare(environment, package)
    assert environment["NUMBA_CACHE_DIR"] == "/somewhere"


def test_a_temporary_folder_that_others_can_write_is_not_used(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it is executed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"vpcflow-numba-{os.getuid()}").mkdir()
    (tmp_path / f"vpcflow-numba-{os.getuid()}").chmod(0o777)
    environment = {"HOME": NOWHERE}
    kernel_cache.prepare(environment, package)
    assert environment == {"HOME": NOWHERE}
    assert "each start compiles them" in kernel_cache.described(environment, package)
