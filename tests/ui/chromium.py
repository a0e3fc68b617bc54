"""`python -m tests.ui.chromium`: see that a Chromium is there for the page's tests, or install Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the path of an installed Chromium."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    """Install Chromium by apt-get where that is possible; else say what to do, with status 1."""
    if find():
        return
    apt = shutil.which("apt-get")
    before = [] if os.geteuid() == 0 else [path for path in [shutil.which("sudo")] if path]
    if apt is None or (os.geteuid() != 0 and not before):
        sys.exit("the page's tests need a Chromium: install one, or run `make test-unit` without them")
    print("installing Chromium for the page's tests", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run([*before, apt, *arguments], check=True, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
