"""The bucket policy that allows delivery: its evaluation, and the statements that AWS adds to it. Pure.

If the account owns the bucket, AWS attaches the policy while it creates the flow log. Its documentation
describes this in three ways. "Amazon S3 bucket permissions for flow logs" (VPC guide): the policy is
*overwritten*. Transit Gateway guide: the policy is *appended to*. "Troubleshoot VPC Flow Logs": the ARN of
the folder is added to the `Resource` of the existing statement. This module implements the last, which
preserves all other statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.flowlogs.access.policies import Document, Request, decision
from emulator.flowlogs.flow_log import Settings
from emulator.scope import Scope

SERVICE = "delivery.logs.amazonaws.com"
POLICY_MAX_BYTES = 20 << 10  # S3 User Guide, "Bucket policies"
_WRITE, _CHECK = "AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck"
_OWNER_HAS_ALL = "bucket-owner-full-control"


@dataclass(frozen=True, slots=True)
class BucketDelivery:
    """The delivering account and Region, and the folder of the bucket that it delivers to."""

    scope: Scope
    bucket: str
    folder: str
    is_hive: bool

    @classmethod
    def of(cls, settings: Settings, scope: Scope) -> BucketDelivery:
        """Return the delivery of a flow log with these settings."""
        is_hive = settings.options is not None and settings.options.hive_compatible_partitions
        return cls(scope, settings.bucket, settings.folder, is_hive)

    @property
    def bucket_arn(self) -> str:
        """The ARN of the bucket."""
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def objects_arn(self) -> str:
        """The ARN pattern of all objects that the account delivers to the folder."""
        folder = f"{self.folder}/" if self.folder else ""
        account = f"aws-account-id={self.scope.account}" if self.is_hive else self.scope.account
        return f"{self.bucket_arn}/{folder}AWSLogs/{account}/*"

    @property
    def source_arn(self) -> str:
        """The value of the condition key `aws:SourceArn` in the delivery service's requests."""
        return f"arn:aws:logs:{self.scope.region}:{self.scope.account}:*"


def verdict(policy: Document, delivery: BucketDelivery) -> str:
    """Return `Allow`, `Deny`, or an empty string if the policy does not cover both required actions."""
    context = {
        "aws:SourceAccount": delivery.scope.account,
        "aws:SourceArn": delivery.source_arn,
        "s3:x-amz-acl": _OWNER_HAS_ALL,
    }
    decisions = {
        decision([policy], Request(action, resource, SERVICE, context))
        for action, resource in (
            ("s3:PutObject", delivery.objects_arn),
            ("s3:GetBucketAcl", delivery.bucket_arn),
        )
    }
    return "Deny" if "Deny" in decisions else "Allow" if decisions == {"Allow"} else ""


def with_delivery(policy: Document, delivery: BucketDelivery) -> dict[str, Any]:
    """Return the policy with the statements that allow the delivery added."""
    given = policy.get("Statement", [])
    statements = [dict(one) for one in ([given] if isinstance(given, Mapping) else given)]
    _allow(statements, _WRITE, "s3:PutObject", delivery.objects_arn, delivery)
    _allow(statements, _CHECK, "s3:GetBucketAcl", delivery.bucket_arn, delivery)
    return {"Version": "2012-10-17", **policy, "Statement": statements}


def _allow(
    statements: list[dict[str, Any]], sid: str, action: str, resource: str, delivery: BucketDelivery
) -> None:
    """Add a resource to the statement with these conditions. If there is none, append a statement."""
    equals = {"aws:SourceAccount": delivery.scope.account}
    if sid == _WRITE:
        equals["s3:x-amz-acl"] = _OWNER_HAS_ALL
    wanted = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": action,
        "Condition": {"StringEquals": equals, "ArnLike": {"aws:SourceArn": delivery.source_arn}},
    }
    for one in statements:
        if all(one.get(key) == value for key, value in wanted.items()) and "Resource" in one:
            one["Resource"] = _joined(one["Resource"], resource)
            return
    taken = {one.get("Sid") for one in statements}
    names = (sid, *(f"{sid}{number}" for number in range(1, len(statements) + 1)))
    free = next(name for name in names if name not in taken)
    statements.append({"Sid": free, **wanted, "Resource": resource})


def _joined(have: str | Sequence[str], one_more: str) -> str | list[str]:
    listed = [have] if isinstance(have, str) else list(have)
    return have if isinstance(have, str) and have == one_more else list(dict.fromkeys([*listed, one_more]))
