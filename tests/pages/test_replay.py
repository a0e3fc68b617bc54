"""`docs/replay.md` has every variable of `make replay`."""

from __future__ import annotations

import re

from tests.pages.generated import ROOT

PAGE = (ROOT / "docs/replay.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_variable_of_make_replay_is_on_the_page_with_its_default() -> None:
    flags = MAKEFILE[MAKEFILE.index("REPLAY_FLAGS = ") : MAKEFILE.index("\nhelp:")]
    table = PAGE[PAGE.index("| variable of `make` |") :].partition("\n\n")[0].splitlines()[2:]
    shown: dict[str, str] = {}
    for names, defaults in ([cell.split("`")[1::2] for cell in line.split("|")[1:3]] for line in table):
        shown |= dict(zip((name.partition("=")[0] for name in names), defaults or [""] * 9, strict=False))
    assert shown.keys() == set(re.findall(r"\$\(([A-Z_]+)\)", flags))
    for name, default in re.findall(r"^([A-Z_]+) \?= (\S+)$", MAKEFILE, re.M):
        assert shown.get(name, default) == default
