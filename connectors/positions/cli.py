"""The output of `vpcflow connect positions` and `vpcflow connect reset`."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from connectors.clock import now_ms
from connectors.positions.rows import Row, moves, rows
from connectors.positions.table import read_owners, read_state, write
from connectors.settings import Common

AGAIN = (
    "Lines that are read again are counted again, or go to `dead` as late if their windows are final."
    " To read a source again and count every line once, use a new VPCFLOW_PREFIX instead."
)
PIPED_WIDTH = 240  # a file has no width, and a position of 56 digits must not be cut


async def show(settings: Common, as_json: bool) -> None:
    """Print a row for each source. Raises `TopicError`."""
    found = rows(await read_state(settings), await read_owners(settings))
    if as_json:
        print(orjson.dumps([asdict(row) for row in found]).decode())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    if not found:
        console.print(f"nothing was read yet with VPCFLOW_PREFIX={settings.prefix}")
        return
    table = Table("source", "shard", "slot", "position", "behind", "read at", "owner", "state")
    for row in found:
        table.add_row(*_texts(row))
    console.print(table)


def _texts(row: Row) -> list[str]:
    behind = "" if row.behind_s < 0 else f"{row.behind_s:,.0f} s"
    return [row.source, row.shard, str(row.slot), row.position, behind, row.read_at, row.owner, row.state]


async def move(settings: Common, source: str, shard: str, to: str, is_meant: bool) -> None:
    """Reset positions; without `is_meant`, print the effect only.

    Raises `BadReset`, `ConnectError`, `TopicError`.
    """
    state = await read_state(settings)
    found = moves(state, source, shard, to, now_ms())
    count = sum(map(len, found.values()))
    if not is_meant:
        print(f"{count} positions of {source} would be set to {to}; add --yes to do it\n{AGAIN}")
        return
    await write(settings, found)
    print(f"{count} positions of {source} are set to {to}\n{AGAIN}")
