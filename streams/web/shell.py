"""The HTML of the page, rendered from the manifest of the build.

All links are relative, so a proxy can publish the page below a path.
"""

from __future__ import annotations

from pathlib import Path

import orjson

STATIC = Path(__file__).with_name("static")
MANIFEST = "manifest.json"

# The icon: one solid and one dashed line. It is inline to avoid a second request.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none'"
    " stroke-width='2' stroke-linecap='round'%3E%3Cpath stroke='%232a78d6' d='M1 8 5 3l3 3 7-4'/%3E"
    "%3Cpath stroke='%23c8501e' stroke-dasharray='2 3' d='m1 10 5 3 3-2 6 3'/%3E%3C/svg%3E"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>vpcflow</title>
<link rel="icon" href="{icon}">
{head}
</head>
<body>{body}</body>
</html>
"""

UNBUILT = _PAGE.format(
    icon=_ICON,
    head="",
    body="<h1>vpcflow</h1><p>The page is not built yet. Run <code>make ui</code>, then reload."
    " The JSON API under <code>/api/</code> works without it.</p>",
)


def shell(static: Path = STATIC) -> str:
    """Return the HTML of `/`; without a build, a page with the instruction to run `make ui`."""
    try:
        names = orjson.loads((static / MANIFEST).read_bytes())
    except FileNotFoundError:
        return UNBUILT
    head = (
        f'<link rel="stylesheet" href="static/{names["main.css"]}">\n'
        f'<script type="module" src="static/{names["main.js"]}"></script>'
    )
    return _PAGE.format(
        icon=_ICON,
        head=head,
        body='<div id="page"></div><noscript>The live page needs JavaScript; '
        '<a href="api/top">the table as JSON</a> does not.</noscript>',
    )
