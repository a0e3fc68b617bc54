"""The generated parts of the pages in `docs/`, each between two marker comments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.inventory.reading.permissions import ACTIONS
from tests.pages import acl_table, settings_table

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def iam_policy() -> str:
    """Return the IAM policy of `vpcflow inventory`."""
    statement = {"Effect": "Allow", "Action": sorted(ACTIONS), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return f"```json\n{json.dumps(policy, indent=2)}\n```"


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/inventory.md": iam_policy,
    "docs/operations.md": acl_table.table,
    "docs/settings.md": settings_table.tables,
}
"""The page, and the function that returns its generated part."""


def with_part(text: str, part: str) -> str:
    """Return the page `text` with `part` between its markers. Raises `ValueError` if there is no marker."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no line {BEGIN} with a line {END} after it")
    return f"{before}{BEGIN}\n\n{part.strip()}\n\n{END}{after}"


def write() -> None:
    """Write the generated part of each page."""
    for name, part in PAGES.items():
        page = ROOT / name
        page.write_text(with_part(page.read_text(), part()))
