"""The steps of `vpcflow diagnose`: read the account, diagnose, compare with flow logs, print."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws.errors import describe_error
from connectors.aws.session import make_client
from connectors.errors import ConnectError
from connectors.vpc.diagnosis.account.ends import UnknownEnd
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.account.reading import read_inventory
from connectors.vpc.diagnosis.diagnose import PROTOCOLS, Diagnosis, diagnose
from connectors.vpc.diagnosis.observed import BadFlows, compare
from connectors.vpc.diagnosis.report import document, text
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.diagnosis.wanted import wanted

REACHABLE, NOT_REACHABLE, UNDETERMINED = 0, 1, 2
PORT_MAX = 65535
_SILENCE_S = 30.0
_DENIED = re.compile("UnauthorizedOperation|AccessDenied")


def run(
    source: str, destination: str, *, port: str | None, protocol: str, flows: str | None
) -> dict[str, Any]:
    """Return the document of a diagnosis. Ends the process with status 2 if it is undetermined."""
    number = _port(port)
    protocol = protocol.lower()
    if protocol not in PROTOCOLS:
        fail(f"--protocol is {protocol}, but must be tcp, udp or icmp.")
    seen = _text(flows) if flows else None
    inventory = _read()
    for operation, reason in inventory.unread.items():
        if _DENIED.search(reason):
            click.echo(
                f"vpcflow diagnose: {operation} is denied, so its resources are unknown: {reason}", err=True
            )
    found = _diagnosed(inventory, source, destination, protocol, number)
    shown = document(found)
    if seen is not None:
        try:
            shown |= compare(seen, wanted(found), is_reachable=found.is_reachable)
        except BadFlows as error:
            fail(str(error))
    return shown


def show(found: dict[str, Any], *, as_json: bool) -> NoReturn:
    """Print a document and end the process with its status."""
    click.echo(json.dumps(found) if as_json else text(found))
    sys.exit(REACHABLE if found["reachable"] else NOT_REACHABLE)


def fail(message: str) -> NoReturn:
    """Print why the diagnosis is undetermined and end the process with status 2."""
    click.echo(f"vpcflow diagnose: {message}", err=True)
    sys.exit(UNDETERMINED)


def _port(given: str | None) -> int | None:
    if given is None:
        return None
    number = int(given) if given.isascii() and given.isdigit() else 0
    if not 1 <= number <= PORT_MAX:
        fail(f"--port is {given}, but must be a number from 1 to {PORT_MAX}.")
    return number


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The flow-log file {path} cannot be read: {error}.")


def _read() -> Inventory:
    try:
        clients = [make_client(one, silence_s=_SILENCE_S) for one in ("ec2", "elbv2", "rds")]
        return read_inventory(*clients)
    except ConnectError as error:
        fail(str(error))
    except (ClientError, BotoCoreError) as error:
        fail(f"The configuration cannot be read from EC2: {describe_error(error)}.")


def _diagnosed(
    inventory: Inventory, source: str, destination: str, protocol: str, port: int | None
) -> Diagnosis:
    try:
        return diagnose(inventory, source, destination, protocol, port)
    except UnknownEnd as error:
        fail(str(error))
    except Undetermined as error:
        fail(f"The path is undetermined: {error}.")
