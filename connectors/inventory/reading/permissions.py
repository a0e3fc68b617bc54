"""The IAM actions of `vpcflow inventory`. Pure."""

from __future__ import annotations

from connectors.vpc.diagnosis.account.permissions import ACTIONS as DIAGNOSIS_ACTIONS
from connectors.vpc.diagnosis.account.permissions import NAME_ACTIONS

_OWN = frozenset({"ec2:DescribeAddresses", "eks:ListClusters", "tag:GetResources"})

ACTIONS = DIAGNOSIS_ACTIONS | NAME_ACTIONS | _OWN
"""All actions. Without one of them, its part of the inventory stays as it was, and the rest is read."""
