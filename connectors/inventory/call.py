"""One call to AWS, as its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call: service and operation in boto3's names, and the parameters as JSON with sorted keys."""

    service: str
    operation: str
    request: str = "{}"

    @classmethod
    def of(cls, service: str, operation: str, request: Mapping[str, Any]) -> Call:
        """Return the call with some parameters."""
        return cls(service, operation, orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode())

    @property
    def name(self) -> str:
        """Service and operation: `elbv2.describe_rules`."""
        return f"{self.service}.{self.operation}"

    @property
    def action(self) -> str:
        """The IAM action: `elasticloadbalancing:DescribeRules`."""
        name = "".join(part.capitalize() for part in self.operation.split("_")).replace("Db", "DB")
        return f"{_PREFIXES.get(self.service, self.service)}:{name}"
