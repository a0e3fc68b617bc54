"""The folder for compiled kernels, if the package folder and the home folder are read-only.

numba writes next to the source, else below `~/.cache/numba`, and raises an error if both are read-only, as in
containers with a read-only root file system and no home folder. This module then chooses a private temporary
folder.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"  # numba reads it at import, and tries its default folders after it.
PACKAGE = Path(__file__).parent


def prepare(environment: MutableMapping[str, str] = os.environ, package: Path = PACKAGE) -> None:
    """Set `NUMBA_CACHE_DIR` if numba's default folders are read-only and a private folder can be created."""
    if environment.get(VARIABLE) or any(map(_is_writable, _places(environment, package))):
        return
    folder = _private_folder()
    if folder is not None:
        environment[VARIABLE] = str(folder)


def described(environment: MutableMapping[str, str] = os.environ, package: Path = PACKAGE) -> str:
    """Return a sentence with the folder of the compiled kernels."""
    prepare(environment, package)
    given = [Path(environment[VARIABLE])] if environment.get(VARIABLE) else []
    for place in (*given, *_places(environment, package)):
        if _is_writable(place):
            return f"compiled kernels are cached in {place}"
    return "no folder for compiled kernels is writable, so each start compiles them: set NUMBA_CACHE_DIR"


def _places(environment: MutableMapping[str, str], package: Path) -> tuple[Path, Path]:
    """Return numba's default folders: next to the source, and the user's cache (numba.misc.appdirs)."""
    home = environment.get("HOME") or "~"
    cache = Path(environment.get("XDG_CACHE_HOME") or f"{home}/.cache")
    return package / "__pycache__", Path(os.path.expanduser(cache)) / "numba"  # noqa: PTH111 - never raises


def _is_writable(folder: Path) -> bool:
    """Return True if a file can be created, by creating one: permission bits do not apply to root."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _private_folder() -> Path | None:
    """Return a temporary folder that only this user can write, or None. Its files are executed."""
    try:
        folder = Path(tempfile.gettempdir()) / f"vpcflow-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:  # Not even a temporary folder is writable.
        return None
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_private and _is_writable(folder) else None
