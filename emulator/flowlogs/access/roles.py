"""An IAM role: its trust policy and its permissions, read through boto3 and evaluated by `policies`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from emulator.flowlogs.access import policies
from emulator.flowlogs.access.policies import Document


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its trust policy, and its inline and attached policies."""

    arn: str
    trust: Document
    documents: tuple[Document, ...]

    def refusal(self, service: str, actions: tuple[str, ...], resource: str) -> str:
        """Return the reason why a service may not use the role for all actions, or an empty string."""
        if not policies.allows([self.trust], policies.Request("sts:AssumeRole", "*", service)):
            return f"The role {self.arn} does not trust {service}."
        for action in actions:
            if not policies.allows(self.documents, policies.Request(action, resource)):
                return f"The role {self.arn} does not allow {action} on {resource}."
        return ""


def read(client: Any, arn: str) -> Role | None:
    """Return the role with an ARN, or None if it does not exist. Raises botocore's other errors."""
    name = arn.rpartition("/")[2]
    try:
        trust = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise
    return Role(arn, trust, tuple(_documents(client, name)))


def _documents(client: Any, name: str) -> Iterator[Document]:
    for own in _all(client, "list_role_policies", "PolicyNames", RoleName=name):
        yield client.get_role_policy(RoleName=name, PolicyName=own)["PolicyDocument"]
    for attached in _all(client, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
        arn = attached["PolicyArn"]
        version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        yield client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _all(client: Any, operation: str, key: str, **request: Any) -> Iterator[Any]:
    pages: Callable[..., Any] = client.get_paginator(operation).paginate
    for page in pages(**request):
        yield from page[key]
