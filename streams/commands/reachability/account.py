"""The account that `vpcflow diagnose` and its relatives read, and the errors of reading it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws.errors import describe_error
from connectors.aws.session import make_client
from connectors.errors import ConnectError
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.account.permissions import action_of
from connectors.vpc.diagnosis.account.reading import DENIED, read_inventory
from connectors.vpc.diagnosis.account.services import read_services

UNDETERMINED = 2
_SILENCE_S = 30.0


def fail(message: str) -> NoReturn:
    """Print why there is no result and end the process with status 2."""
    context = click.get_current_context(silent=True)
    click.echo(f"vpcflow {context.info_name if context else 'diagnose'}: {message}", err=True)
    sys.exit(UNDETERMINED)


def read_account() -> Inventory:
    """Read the account. Ends the process with status 2 if an essential call fails."""
    try:
        clients = [make_client(one, silence_s=_SILENCE_S) for one in ("ec2", "elbv2", "rds")]
        return read_inventory(*clients)
    except ConnectError as error:
        fail(str(error))
    except ClientError as error:
        denied = DENIED.search(str(error))
        what = f": {action_of(_snake(error.operation_name))} is required" if denied else ""
        fail(f"The configuration cannot be read from EC2{what}: {describe_error(error)}.")
    except BotoCoreError as error:
        fail(f"The configuration cannot be read from EC2: {describe_error(error)}.")


def with_services(inventory: Inventory) -> Inventory:
    """Add the caches, functions and tasks of the account, for a name that nothing else has."""
    unread: dict[str, str] = {}
    try:
        clients = [make_client(one, silence_s=_SILENCE_S) for one in ("elasticache", "lambda", "ecs")]
    except ConnectError as error:
        fail(str(error))
    services = read_services(clients[0], clients[1], clients[2], unread)
    return replace(inventory, services=services, has_services=True, unread={**inventory.unread, **unread})


def report_denied(unread: Mapping[str, str]) -> None:
    """Print each denied call with its IAM action on standard error."""
    for operation, reason in unread.items():
        if DENIED.search(reason):
            action = action_of(operation)
            context = click.get_current_context(silent=True)
            name = context.info_name if context else "diagnose"
            click.echo(
                f"vpcflow {name}: {action} is denied, so what {operation} describes is unknown.", err=True
            )


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
