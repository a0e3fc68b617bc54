"""The report of `vpcflow check`: a table of the settings, and one line for each connection."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.described_settings import Shown, describe
from connectors.settings import OTHER_NAMES, Common
from streams.commands.checks.plan import parts, processes
from streams.commands.checks.trials import TRIALS, Problem, try_kafka

PIPED_WIDTH = 240  # A file has no width, and a setting must not be cut.


async def run(groups: Mapping[str, Common], wanted: str | None, flags: Iterable[str]) -> int:
    """Print the settings and test the connections; return the number of problems.

    `groups` are the settings by part; `wanted` is the only part to test, None for all that the settings name;
    `flags` are the names of the settings given as options.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    shown = {part: describe(settings, flags) for part, settings in groups.items()}
    console.print(_table(shown))
    given = {
        name for each in shown.values() for name, one in each.items() if one.origin != "default" and one.value
    }
    wrong = 0
    chosen = parts(wanted, given)
    for name in ("Kafka", *chosen):
        is_kafka = name == "Kafka"
        trial = try_kafka(groups["work"], processes(chosen)) if is_kafka else TRIALS[name](groups[name])
        try:
            findings, verdict = await trial, "[green]   ok[/]"
        except Problem as problem:
            findings, verdict = str(problem), "[red]wrong[/]"
            wrong += 1
        console.print(f"{verdict}  {name}: {escape(findings)}", soft_wrap=True)
    return wrong


def _table(shown: Mapping[str, Mapping[str, Shown]]) -> Table:
    table = Table("setting", "value", "origin", "for", "description", title="settings", title_justify="left")
    for name in dict.fromkeys(name for each in shown.values() for name in each):
        users = [part for part, each in shown.items() if name in each]
        one = shown[users[0]][name]
        what = "all" if len(users) == len(shown) else ", ".join(users)
        table.add_row(*map(escape, (name, one.value or "-", one.origin, what, one.description)))
    for name in OTHER_NAMES:
        origin = "environment" if os.environ.get(name) else "default"
        table.add_row(name, escape(os.environ.get(name) or "-"), origin, "replay", "folder for downloads")
    return table
