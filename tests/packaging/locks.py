"""The lock files: which packages pip installs from each of them on Linux."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "requirements-production.lock"
LOCAL = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython"}


def pins(lock: Path) -> dict[str, str]:
    """Return the versions that `lock` installs on Linux with this Python, by canonical package name."""
    lines = (line.removesuffix("\\").strip() for line in lock.read_text().splitlines() if "==" in line)
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(one.name): str(one.specifier)
        for one in requirements
        if one.marker is None or one.marker.evaluate(LINUX)
    }
