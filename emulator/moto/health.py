"""LocalStack's health page, and the check that moto's libraries are installed, without loading them.

Readiness checks request this page first, so it must not wait for the start of moto.
"""

from __future__ import annotations

from importlib.util import find_spec

from emulator.inspection import version

_LIBRARIES = ("moto", "flask", "flask_cors")

# The names in LocalStack's page; moto implements all of these.
_SERVICES = """
acm apigateway cloudformation cloudwatch config dynamodb dynamodbstreams ec2 elb elbv2 events iam kms logs
organizations rds resource-groups resourcegroupstaggingapi route53 s3 s3control scheduler secretsmanager ses
sns sqs ssm sts
"""


def is_moto_installed() -> bool:
    """Return True if the libraries are installed, without loading them."""
    return all(find_spec(name) is not None for name in _LIBRARIES)


def health(running: bool) -> dict[str, object]:
    """Return the body of `/_localstack/health` in LocalStack's format. `running`: the state of moto."""
    state = "running" if running else "available" if is_moto_installed() else "disabled"
    services = {**dict.fromkeys(_SERVICES.split(), state), "firehose": "running", "kinesis": "running"}
    return {"services": dict(sorted(services.items())), "edition": "community", "version": version()}
