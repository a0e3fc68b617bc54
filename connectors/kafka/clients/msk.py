"""Tokens for Amazon MSK with IAM access control, signed by AWS's package with the AWS SDK's credentials.

On the wire, IAM authentication of other clients than Java's is OAUTHBEARER. A token is a presigned request of
`kafka-cluster:Connect`, valid for 900 s (Amazon MSK Library in Python for SASL/OAUTHBEARER Auth).
"""

from __future__ import annotations

import re
import time

from botocore.exceptions import BotoCoreError, ClientError

from connectors.kafka.clients.tokens import Token, TokenUnavailable

_REGION = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com")


def msk_token(servers: str) -> Token:
    """Sign a token for a cluster. Raises `TokenUnavailable`."""
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

    region = region_of(servers) or _sdk_region()
    try:
        value, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
    except (BotoCoreError, ClientError, ValueError, AttributeError) as error:
        # The signer raises AttributeError where the SDK finds no credentials.
        why = "" if isinstance(error, AttributeError) else f" ({error})"
        raise TokenUnavailable(
            f"no token for Kafka: the AWS SDK finds no usable credentials{why}: set AWS_PROFILE, or"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role"
        ) from error
    return Token(value, expires_ms / 1000 - time.time())


def region_of(servers: str) -> str:
    """Return the AWS region in the names of MSK brokers; nothing if they are other names."""
    match = _REGION.search(servers)
    return match[1] if match else ""


def _sdk_region() -> str:
    import boto3

    region = boto3.Session().region_name
    if not region:
        raise TokenUnavailable("no token for Kafka: the AWS region is not known: set AWS_REGION")
    return str(region)
