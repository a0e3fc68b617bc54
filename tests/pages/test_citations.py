"""Every citation of a page or a path in the repository leads somewhere, and none leads out of it unnamed.

Code cites pages of the repository by their path from the root, and public pages by their title.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {".py", ".ts", ".tsx", ".css", ".toml", ".yaml", ".txt", ""}
NOT_READ = ("tests/data/", "streams/web/ui/package")
README_MAX_WORDS = 1_000

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PAGE = re.compile(r"[\w./-]*\w\.md\b")
PATH = re.compile(r"`((?:streams|connectors|emulator|tests|docs)/[\w./-]+)`")
CODE_PATH = re.compile(
    r"(?<![\w./-])((?:streams|connectors|emulator|tests|docs)/[\w./-]*\w\.(?:py|toml|yaml|txt|lock|tsx?))\b"
)
HEADING = re.compile(r"^#+ (.+)$", re.M)
# Documents that readers of the repository do not have: numbers of issues of this project, and notes about it.
ELSEWHERE = re.compile(r"(?<![\w/#-])(?<!its )(?<!guide, )issue \d+|field-cases|house-style|design\.md", re.I)
THIS = "tests/pages/test_citations.py"


@cache
def tracked() -> tuple[str, ...]:
    """Return the path of each file in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return tuple(sorted(name for name in listed if (ROOT / name).is_file()))


def sources() -> Iterator[tuple[str, str]]:
    """Yield name and text of each source file."""
    for name in tracked():
        if Path(name).suffix in SOURCES and not name.startswith(NOT_READ) and name != THIS:
            yield name, (ROOT / name).read_text()


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of each Markdown file."""
    yield from ((name, (ROOT / name).read_text()) for name in tracked() if name.endswith(".md"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def dead_links(name: str, text: str) -> Iterator[str]:
    """Yield each relative link of a page that leads nowhere."""
    for link in LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{name}: {link}"


def test_every_link_between_pages_leads_to_a_page_and_a_heading() -> None:
    assert [dead for name, text in pages() for dead in dead_links(name, text)] == []


def test_a_dead_link_is_found() -> None:
    text = "[a](docs/limits.md) [b](docs/none.md) [c](docs/limits.md#none) [d](docs/limits.md#sources)"
    assert list(dead_links("README.md", text)) == [
        "README.md: docs/none.md",
        "README.md: docs/limits.md#none",
    ]


def test_every_page_that_code_cites_is_in_the_repository() -> None:
    """By its path from the root, so that a reader finds it."""
    cited = {(name, page) for name, text in sources() for page in PAGE.findall(text)}
    assert len(cited) > 5
    assert {(name, page) for name, page in cited if page not in tracked()} == set()


def test_every_path_that_code_cites_is_in_the_repository() -> None:
    cited = {(name, path) for name, text in sources() for path in CODE_PATH.findall(text)}
    assert len(cited) > 5
    assert {(name, path) for name, path in cited if not (ROOT / path).exists()} == set()


def test_every_path_in_a_page_is_in_the_repository() -> None:
    cited = {(name, path.rstrip("/")) for name, text in pages() for path in PATH.findall(text)}
    assert len(cited) > 20
    missing = {(name, path) for name, path in cited if not (ROOT / path).exists()}
    assert {(name, path) for name, path in missing if name != "CHANGELOG.md"} == set()


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    assert {name for name, _ in pages() if name.startswith("docs/")} <= linked


def test_code_cites_nothing_that_readers_do_not_have() -> None:
    found = [f"{name}: {match[0]}" for name, text in sources() for match in ELSEWHERE.finditer(text)]
    assert found == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= README_MAX_WORDS
