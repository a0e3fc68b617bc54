"""boto3 sessions and clients: AWS by its own variables, or LocalStack by LOCALSTACK_HOST."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from localstack_client.session import Session as LocalSession

from connectors.aws.errors import NAMES
from connectors.errors import ConnectError

CALLS_AT_ONCE = 16


def session(region: str | None = None) -> Any:
    """Return a new session that finds credentials; boto3's default session would keep the first ones.

    `AWS_ENDPOINT_URL` wins over `LOCALSTACK_HOST`. LocalStack derives the account from the access key, so
    Region and credentials that are set are used, and LocalStack's defaults only without them.
    """
    found = boto3.Session(region_name=region)
    if not os.environ.get("LOCALSTACK_HOST") or os.environ.get("AWS_ENDPOINT_URL"):
        return found
    given: dict[str, str] = {"region_name": found.region_name} if found.region_name else {}
    if credentials := found.get_credentials():
        given |= {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
        }
    return LocalSession(**given)


def make_client(service: str, region: str | None = None, *, silence_s: float = 5.0, found: Any = None) -> Any:
    """Return a boto3 client without retries of its own.

    `calls` retries instead. `silence_s` limits the wait for an answer, because a process that stops waits
    for its calls. `found` is a session to use instead of a new one. Raises `ConnectError` if Region, profile
    or endpoint is missing or invalid.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        read_timeout=silence_s,
        connect_timeout=5,
        max_pool_connections=CALLS_AT_ONCE,
    )
    try:
        return (found or session(region)).client(service, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        name = NAMES.get(service, service)
        raise ConnectError(
            f"no client for {name} can be created ({error}): set AWS_DEFAULT_REGION, or AWS_PROFILE"
        ) from error


def check_access(*services: str) -> None:
    """Check that Region, endpoint and credentials are set, before anything starts. Raises `ConnectError`."""
    for service in services:
        make_client(service)
    try:
        has_credentials = session().get_credentials() is not None
    except BotoCoreError as error:
        raise ConnectError(
            f"the AWS credentials cannot be read ({error}): correct the AWS configuration files, or set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    if not has_credentials:
        named = " and ".join(NAMES.get(service, service) for service in services)
        raise ConnectError(
            f"no AWS credentials for {named}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
