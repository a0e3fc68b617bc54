"""The accounts to read: the process's own, and those of roles that it assumes. Clients by account and Region.

Credentials of a role are renewed by botocore before they expire. A role that cannot be assumed is reported
once, and its account is tried again in the next reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws.errors import DENIED, code_of, describe_error
from connectors.aws.session import make_client, session
from connectors.errors import ConnectError

SELF = "self"
"""The value among the roles that stands for the process's own credentials."""
SESSION_NAME = "vpcflow-inventory"
SILENCE_S = 30.0
"""Limit of one answer: a page of a thousand interfaces takes seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """An account, by its role or `self`, and a Region."""

    role: str
    region: str


class AccountError(ConnectError):
    """An account cannot be read now; the message names the role, the reason and the remedy."""


class Accounts:
    """The sessions of all roles. The methods make calls; run them in a thread."""

    def __init__(self) -> None:
        self._sessions: dict[str, Any] = {}
        self._ids: dict[str, str] = {}
        self._clients: dict[tuple[Place, str], Any] = {}

    def account_of(self, role: str) -> str:
        """Return the account id of a role, and renew its credentials. Raises `AccountError`."""
        found = self._session(role)
        try:
            if role != SELF:
                found.get_credentials().get_frozen_credentials()
                return role.split(":")[4]
            if role not in self._ids:
                self._ids[role] = str(make_client("sts", found=found).get_caller_identity()["Account"])
            return self._ids[role]
        except (ClientError, BotoCoreError, AttributeError) as error:
            raise AccountError(_problem(role, error)) from error

    def client(self, place: Place, service: str) -> Any:
        """Return the client of a service. Raises `ConnectError` if none can be created."""
        key = place, service
        if key not in self._clients:
            found = self._session(place.role)
            self._clients[key] = make_client(service, place.region, silence_s=SILENCE_S, found=found)
        return self._clients[key]

    def _session(self, role: str) -> Any:
        if role not in self._sessions:
            self._sessions[role] = session() if role == SELF else _assumed(role)
        return self._sessions[role]


def regions_of(text: str) -> list[str]:
    """Return the Regions of the setting; without one, the Region of the session.

    Raises `ConnectError` if there is none.
    """
    if found := [one.strip() for one in text.split(",") if one.strip()]:
        return list(dict.fromkeys(found))
    region = session().region_name
    if not region:
        raise ConnectError("no Region is set: set VPCFLOW_INVENTORY_REGIONS, or AWS_DEFAULT_REGION")
    return [region]


def places(roles: str, regions: Sequence[str]) -> list[Place]:
    """Return every account and Region to read; without a role, the process's own account."""
    named = list(dict.fromkeys(one.strip() for one in roles.split(",") if one.strip())) or [SELF]
    return [Place(role, region) for role in named for region in regions]


def _assumed(role: str) -> Any:
    base = session()
    source = base.get_credentials()
    if source is None:
        raise AccountError(f"no AWS credentials to assume {role}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID")
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **options: base.client(service, **_without_keys(options)),
        source_credentials=source,
        role_arn=role,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    inner = botocore.session.get_session()
    inner._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=inner, region_name=base.region_name or "us-east-1")


def _without_keys(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the keys that botocore passes: the session has them, and an endpoint of its own may be set."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {name: value for name, value in options.items() if name not in names}


def _problem(role: str, error: Exception) -> str:
    if role == SELF:
        reason = describe_error(error)
        return f"AWS does not tell whose credentials these are ({reason}): check AWS_PROFILE or the keys"
    if code_of(error) in DENIED:
        return (
            f"AWS refuses sts:AssumeRole on {role}: allow it in the IAM policy of vpcflow inventory, and name"
            " its principal in the trust policy of the role"
        )
    return f"role {role} cannot be assumed ({describe_error(error)}): check VPCFLOW_INVENTORY_ROLES"
