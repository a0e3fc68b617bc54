"""Compiled kernels: a cached one is used only if all that it was compiled from is unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PART = """
from streams.compiled import inlined
ADDED = {added}

@inlined
def part(value):
    return value {operator} ADDED
"""
WHOLE = """
from parts import part
from streams.compiled import uncounted

@uncounted
def whole(value):
    return part(value)

print(whole(10), "hits", sum(whole.stats.cache_hits.values()))
"""


def ran(folder: Path, added: int, operator: str = "+") -> str:
    (folder / "parts.py").write_text(PART.format(added=added, operator=operator))
    path = os.pathsep.join([str(folder), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-B", str(folder / "whole.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_kernel_is_compiled_again_after_a_change_of_a_part_of_it(tmp_path: Path) -> None:
    """numba alone would use the kernel in its cache, because the file of the kernel is unchanged."""
    (tmp_path / "whole.py").write_text(WHOLE)
    assert ran(tmp_path, 1) == "11 hits 0"
    assert ran(tmp_path, 1) == "11 hits 1"
    assert ran(tmp_path, 2) == "12 hits 0"
    assert ran(tmp_path, 2, "-") == "8 hits 0"
