"""A boto3 client for a local endpoint. It ignores the profile and the proxy that are configured for AWS."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
from botocore.config import Config

ANSWER_S = 300.0


def local_client(service: str, url: str, region: str, access_key: str, secret_key: str = "emulated") -> Any:
    """Return a client. Threads may share it, but only one at a time may create clients."""
    session = boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        botocore_session=botocore.session.Session(session_vars={"profile": (None, None, None, None)}),
    )
    config = Config(
        retries={"total_max_attempts": 3}, read_timeout=ANSWER_S, max_pool_connections=10, proxies={}
    )
    return session.client(service, endpoint_url=url, config=config)
