"""The page's build, and the page's own tests of its pure functions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.web import build


def test_lock_names_no_registry() -> None:
    lock = (build.UI / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock
    assert lock.count('"integrity"') > 5


@pytest.mark.ui
def test_second_build_does_nothing() -> None:
    build.build()
    assert build.is_fresh()
    assert build.build() is False


@pytest.mark.ui
def test_pure_functions_of_the_page(tmp_path: Path) -> None:
    node = build.find_node()
    build.install(node)
    esbuild = str(build.UI / "node_modules" / ".bin" / "esbuild")
    tests = sorted(str(path.relative_to(build.UI)) for path in (build.UI / "test").glob("*.test.ts"))
    node.run(
        [esbuild, *tests, "--bundle", "--platform=node", "--format=esm", "--out-extension:.js=.mjs",
         f"--outdir={tmp_path}", "--log-level=warning"],
        "The page's tests do not compile:",
    )  # fmt: skip
    built = sorted(str(path) for path in tmp_path.glob("*.mjs"))
    report = node.run(["node", "--test", *built], "The page's tests fail:")
    assert re.search(r"^# pass [1-9]", report, re.MULTILINE)
    assert "# fail 0" in report


def test_failure_is_a_sentence() -> None:
    node = build.Node(Path("/"), ("false",))
    with pytest.raises(build.BuildFailed, match=r"^npm could not\n"):
        node.run(["sh", "-c", "echo why; exit 3"], "npm could not")
