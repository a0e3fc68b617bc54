"""The steps of `vpcflow diagnose`: read the account, diagnose, compare with flow logs, print."""

from __future__ import annotations

import gzip
import json
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from connectors.vpc.diagnosis.account.connection_end import UnknownEnd, UnknownName
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.diagnose import PROTOCOLS, Diagnosis, diagnose
from connectors.vpc.diagnosis.flow_file import BadFlows
from connectors.vpc.diagnosis.observed import compare
from connectors.vpc.diagnosis.report import document, text
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.diagnosis.wanted import wanted
from streams.commands.reachability.account import fail, read_account, report_denied, with_services

REACHABLE, NOT_REACHABLE = 0, 1
PORT_MAX = 65535
WATCH_S = 3.0
"""Pause between two readings of the account while the user works on a fix."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Question:
    """The connection to diagnose. `port` is None for the destination's own port."""

    source: str
    destination: str
    protocol: str
    port: int | None


def question(source: str, destination: str, *, port: str | None, protocol: str) -> Question:
    """Return the question that the arguments ask. Ends the process with status 2 if one is malformed."""
    protocol = protocol.lower()
    if protocol not in PROTOCOLS:
        fail(f"--protocol is {protocol}, but must be tcp, udp or icmp.")
    return Question(source, destination, protocol, _port(port))


def run(asked: Question, *, flows: str | None, at: str | None = None) -> dict[str, Any]:
    """Return the document of a diagnosis now, or at a moment that the topic `inventory` has.

    Ends the process with status 2 if it is undetermined.
    """
    seen = flow_text(flows) if flows else None
    if at is None:
        inventory = read_account()
    else:
        from streams.commands.reachability.account_at import read_account_at

        inventory = read_account_at(at)
    report_denied(inventory.unread)
    return _document(inventory, asked, seen)


def watch(asked: Question, *, flows: str | None, as_json: bool) -> NoReturn:
    """Print a diagnosis, and again after each change of its result, until the destination is reachable."""
    shown: dict[str, Any] | None = None
    while True:
        found = run(asked, flows=flows)
        if found["reachable"]:
            show(found, as_json=as_json)
        if found != shown:
            click.echo(json.dumps(found) if as_json else f"{text(found)}\n")
            shown = found
        time.sleep(WATCH_S)


def show(found: dict[str, Any], *, as_json: bool) -> NoReturn:
    """Print a document and end the process with its status."""
    click.echo(json.dumps(found) if as_json else text(found))
    sys.exit(REACHABLE if found["reachable"] else NOT_REACHABLE)


def diagnosed(
    inventory: Inventory, source: str, destination: str, protocol: str, port: int | None
) -> Diagnosis:
    """Return the diagnosis. Reads the services only if an end is no other name. Raises `UnknownEnd`."""
    try:
        return diagnose(inventory, source, destination, protocol, port)
    except UnknownName:
        if inventory.has_services:
            raise
        inventory = with_services(inventory)
        report_denied(inventory.unread)
        return diagnose(inventory, source, destination, protocol, port)


def flow_text(path: str) -> str:
    """Return the text of a flow-log file; `-` is standard input.

    Ends the process with status 2 if it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        fail(f"The flow-log file {path} cannot be read: {error}.")


def _document(inventory: Inventory, asked: Question, seen: str | None) -> dict[str, Any]:
    try:
        found = diagnosed(inventory, asked.source, asked.destination, asked.protocol, asked.port)
        shown = document(found)
        if seen is not None:
            shown |= compare(seen, wanted(found), is_reachable=found.is_reachable)
    except (UnknownEnd, BadFlows) as error:
        fail(str(error))
    except Undetermined as error:
        fail(f"The path is undetermined: {error}.")
    return shown


def _port(given: str | None) -> int | None:
    if given is None:
        return None
    number = int(given) if given.isascii() and given.isdigit() else 0
    if not 1 <= number <= PORT_MAX:
        fail(f"--port is {given}, but must be a number from 1 to {PORT_MAX}.")
    return number
