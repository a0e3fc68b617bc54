"""The steps of `vpcflow reach`: read the file and the account, evaluate, print, and watch for changes."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
import structlog

from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.changes import changes
from connectors.vpc.diagnosis.expectations import (
    BadExpectation,
    Expectation,
    Outcome,
    evaluate,
    expectation,
    suggested,
    table,
)
from connectors.vpc.diagnosis.flow_file import BadFlows, records
from streams.commands.reachability.account import fail, read_account, report_denied
from streams.commands.reachability.diagnosis import diagnosed, flow_text

AS_EXPECTED, NOT_AS_EXPECTED = 0, 1
_CHANGES_MAX = 20
"""The lines of a configuration change in one event."""


def run(path: str, *, as_json: bool, pause_s: float | None) -> NoReturn:
    """Evaluate a file and end the process with its status. With a pause, never ends by itself."""
    wanted = read_file(path)
    inventory = read_account()
    report_denied(inventory.unread)
    outcomes = evaluate(wanted, partial(diagnosed, inventory))
    _show(outcomes, as_json=as_json)
    if pause_s is not None:
        _watch(wanted, inventory, outcomes, pause_s)
    sys.exit(AS_EXPECTED if all(one.is_as_expected for one in outcomes) else NOT_AS_EXPECTED)


def suggest(flows: str | None) -> NoReturn:
    """Print the expectations that the accepted conversations of a flow-log file suggest."""
    if not flows:
        fail("`vpcflow reach suggest` needs --flows with a flow-log text file.")
    try:
        found = suggested(records(flow_text(flows)))
    except BadFlows as error:
        fail(str(error))
    for one in found:
        entry = {"from": one.source, "to": one.destination, "port": one.port, "protocol": one.protocol}
        click.echo(f"- {json.dumps(entry | {'expect': one.expected})}")
    sys.exit(AS_EXPECTED)


def read_file(path: str) -> list[Expectation]:
    """Return the expectations of a file. Ends the process with status 2 and the line of a mistake."""
    import yaml

    try:
        text = Path(path).read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path} cannot be read: {error}.")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        fail(f"{path}, line {line}: it is no YAML or JSON: {getattr(error, 'problem', None) or error}.")
    found = []
    for one in _entries(path, node):
        line = one.start_mark.line + 1
        try:
            found.append(expectation(yaml.SafeLoader("").construct_document(one)))
        except BadExpectation as error:
            fail(f"{path}, line {line}: {error}.")
        except yaml.YAMLError as error:
            fail(f"{path}, line {line}: {getattr(error, 'problem', None) or error}.")
    if not found:
        fail(f"{path}, line 1: it has no connections: add entries with from, to, port and expect.")
    return found


def _entries(path: str, node: Any) -> list[Any]:
    """Return the nodes of a document's entries. A mapping may hold the list as `connections`."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        lists = [value for key, value in node.value if key.value == "connections"]
        node = lists[0] if lists else node
    if not isinstance(node, yaml.SequenceNode):
        line = node.start_mark.line + 1 if node else 1
        fail(f"{path}, line {line}: it must be a list of entries with from, to, port and expect.")
    entries: list[Any] = node.value
    return entries


def _show(outcomes: list[Outcome], *, as_json: bool) -> None:
    click.echo(json.dumps([one.document() for one in outcomes]) if as_json else table(outcomes))


def _watch(
    wanted: list[Expectation], inventory: Inventory, outcomes: list[Outcome], pause_s: float
) -> NoReturn:
    """Evaluate again after each change of the configuration, and log each result that changed."""
    log = structlog.get_logger()
    while True:
        time.sleep(pause_s)
        now = read_account()
        if now == inventory:
            continue
        found = evaluate(wanted, partial(diagnosed, now))
        lines = changes(inventory.estate.resources, now.estate.resources)[:_CHANGES_MAX]
        for before, after in zip(outcomes, found, strict=True):
            if before.found != after.found:
                event = {**after.document(), "was": before.found, "change": lines}
                log.warning("reachability_changed", **event)
        inventory, outcomes = now, found
