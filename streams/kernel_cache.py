"""The folder in which numba keeps compiled kernels, when the package and the home folder are read-only.

numba writes beside the source, else below `~/.cache/numba`, and raises if it can do neither. Containers often
have a read-only root file system and no home. This module then names a private temporary folder.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"  # numba reads it when it is imported, and tries its own places afterwards.
PACKAGE = Path(__file__).parent


def prepare(environment: MutableMapping[str, str] = os.environ, package: Path = PACKAGE) -> None:
    """Name a folder if numba's own are not writable. If there is none, kernels stay in memory."""
    if environment.get(VARIABLE) or any(map(_is_writable, _places(environment, package))):
        return
    folder = _private_folder()
    if folder is not None:
        environment[VARIABLE] = str(folder)


def described(environment: MutableMapping[str, str] = os.environ, package: Path = PACKAGE) -> str:
    """Return where compiled kernels are kept, for people."""
    prepare(environment, package)
    given = [Path(environment[VARIABLE])] if environment.get(VARIABLE) else []
    for place in (*given, *_places(environment, package)):
        if _is_writable(place):
            return f"compiled kernels are kept in {place}"
    return "no folder for compiled kernels is writable: each start compiles them; set NUMBA_CACHE_DIR"


def _places(environment: MutableMapping[str, str], package: Path) -> tuple[Path, Path]:
    """Return numba's own places: beside the source, and the user's cache (numba.misc.appdirs)."""
    home = environment.get("HOME") or "~"
    cache = Path(environment.get("XDG_CACHE_HOME") or f"{home}/.cache")
    return package / "__pycache__", Path(os.path.expanduser(cache)) / "numba"  # noqa: PTH111 - never raises


def _is_writable(folder: Path) -> bool:
    """Say whether a file can be created, by creating one: root may write where permission bits forbid it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _private_folder() -> Path | None:
    """Return a temporary folder that only this user can write: what is in it will be executed."""
    try:
        folder = Path(tempfile.gettempdir()) / f"vpcflow-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:  # Not even a temporary folder is writable.
        return None
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_private and _is_writable(folder) else None
