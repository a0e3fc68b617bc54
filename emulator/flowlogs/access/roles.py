"""What an IAM role says: whom it trusts, and what it may do. Asked by boto3, read by `policies`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from emulator.flowlogs.access import policies
from emulator.flowlogs.access.policies import Document


@dataclass(frozen=True, slots=True)
class Role:
    """A role's trust policy, and the policies that say what it may do, its own and those attached to it."""

    arn: str
    trust: Document
    documents: tuple[Document, ...]

    def refusal(self, service: str, actions: tuple[str, ...], resource: str) -> str:
        """Say why a service may not do all of this by the role; nothing when it may."""
        if not policies.allows([self.trust], policies.Request("sts:AssumeRole", "*", service)):
            return f"The role {self.arn} does not trust {service}."
        for action in actions:
            if not policies.allows(self.documents, policies.Request(action, resource)):
                return f"The role {self.arn} does not allow {action} on {resource}."
        return ""


def read(client: Any, arn: str) -> Role | None:
    """Return a role by its ARN, or None when there is none. Raises botocore's errors otherwise."""
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
