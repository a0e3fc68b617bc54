"""The policy of a bucket: whether it lets the delivery service in, and what AWS adds so that it does. Pure.

The bucket's owner needs no policy: AWS attaches one while it creates the flow log. Its pages disagree on how.
"Amazon S3 bucket permissions for flow logs" (VPC guide) says that the policy is *overwritten*, the Transit
Gateway guide that it is *appended to*, and "Troubleshoot VPC Flow Logs" that the ARN of the folder is added
to the `Resource` of what is there. We do the last, which loses nothing: statements of others stay, and one
like ours names a folder more.
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
class Delivery:
    """Which account delivers, from which region, and to which folder of which bucket."""

    scope: Scope
    bucket: str
    folder: str
    is_hive: bool

    @classmethod
    def of(cls, settings: Settings, scope: Scope) -> Delivery:
        """Return where a flow log delivers to."""
        is_hive = settings.options is not None and settings.options.hive_compatible_partitions
        return cls(scope, settings.bucket, settings.folder, is_hive)

    @property
    def bucket_arn(self) -> str:
        """The bucket."""
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def objects_arn(self) -> str:
        """All objects that the account delivers to the folder."""
        folder = f"{self.folder}/" if self.folder else ""
        account = f"aws-account-id={self.scope.account}" if self.is_hive else self.scope.account
        return f"{self.bucket_arn}/{folder}AWSLogs/{account}/*"

    @property
    def source_arn(self) -> str:
        """What the service says that it delivers for."""
        return f"arn:aws:logs:{self.scope.region}:{self.scope.account}:*"


def verdict(policy: Document, delivery: Delivery) -> str:
    """Return `Allow`, `Deny`, or nothing when the policy does not speak of all that the service has to do."""
    context = {
        "aws:SourceAccount": delivery.scope.account,
        "aws:SourceArn": delivery.source_arn,
        "s3:x-amz-acl": _OWNER_HAS_ALL,
    }
    said = {
        decision([policy], Request(action, resource, SERVICE, context))
        for action, resource in (
            ("s3:PutObject", delivery.objects_arn),
            ("s3:GetBucketAcl", delivery.bucket_arn),
        )
    }
    return "Deny" if "Deny" in said else "Allow" if said == {"Allow"} else ""


def with_delivery(policy: Document, delivery: Delivery) -> dict[str, Any]:
    """Return the policy that lets the service in as well."""
    given = policy.get("Statement", [])
    statements = [dict(one) for one in ([given] if isinstance(given, Mapping) else given)]
    _allow(statements, _WRITE, "s3:PutObject", delivery.objects_arn, delivery)
    _allow(statements, _CHECK, "s3:GetBucketAcl", delivery.bucket_arn, delivery)
    return {"Version": "2012-10-17", **policy, "Statement": statements}


def _allow(
    statements: list[dict[str, Any]], sid: str, action: str, resource: str, delivery: Delivery
) -> None:
    """Add a resource to our statement for these conditions, which is made if there is none."""
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
