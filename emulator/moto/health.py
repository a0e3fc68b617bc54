"""LocalStack's page of health, and whether moto's libraries are there to be started. Loads none of them.

Readiness checks ask for this page first, so it must not wait for what the services behind need.
"""

from __future__ import annotations

from importlib.util import find_spec

from emulator.inspection import version

_LIBRARIES = ("moto", "flask", "flask_cors")

# Names as in LocalStack's own answer; all of these are moto's.
_SERVICES = """
acm apigateway cloudformation cloudwatch config dynamodb dynamodbstreams ec2 elb elbv2 events iam kms logs
organizations rds resource-groups resourcegroupstaggingapi route53 s3 s3control scheduler secretsmanager ses
sns sqs ssm sts
"""


def is_moto_installed() -> bool:
    """Say whether the libraries are there, without loading them."""
    return all(find_spec(name) is not None for name in _LIBRARIES)


def health(running: bool) -> dict[str, object]:
    """Return the body of `/_localstack/health`, as LocalStack words it, given whether moto runs."""
    state = "running" if running else "available" if is_moto_installed() else "disabled"
    services = {**dict.fromkeys(_SERVICES.split(), state), "firehose": "running", "kinesis": "running"}
    return {"services": dict(sorted(services.items())), "edition": "community", "version": version()}
