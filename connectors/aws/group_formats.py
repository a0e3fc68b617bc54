"""The formats of log groups as EC2's DescribeFlowLogs says them, asked again when a group is unknown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog

from connectors.aws.calls import Caller
from connectors.aws.errors import FAILURES, describe_error
from connectors.aws.session import make_client
from connectors.formats.by_log_group import (
    DESCRIBE,
    Formats,
    GroupFormat,
    Unusable,
    of_flow_logs,
    parse_group_formats,
)

log = structlog.get_logger()

AGAIN_S = 30.0  # the minimum interval between look-ups of an unknown log group
REFRESH_S = 300.0


class GroupFormats:
    """What formats are known now. `client` is EC2's, needed where the setting is `describe`."""

    def __init__(self, default: str, setting: str, caller: Caller, client: Any = None) -> None:
        self.now = Formats(default, parse_group_formats(setting))
        self._is_described = setting == DESCRIBE
        self._caller, self._client = caller, client
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._told: set[str] = set()

    def has_news_of(self, log_groups: Iterable[str]) -> bool:
        """Say whether asking may tell more of these groups."""
        if not self._is_described:
            return False
        age_s = time.monotonic() - self._asked_at
        is_unknown = any(group not in self.now.by_group for group in log_groups)
        return age_s > REFRESH_S or (is_unknown and age_s > AGAIN_S)

    async def ask(self) -> None:
        """Ask EC2, once however many wait for it. Raises botocore's errors."""
        async with self._asking:
            if time.monotonic() - self._asked_at <= AGAIN_S:
                return
            try:
                described = await self._caller.call("DescribeFlowLogs", self._describe)
            except FAILURES as error:
                if not self.now.by_group:
                    raise
                log.warning("log groups' formats are as they were", error=describe_error(error))
                described = None
            self._asked_at = time.monotonic()
            if described is not None:
                self._take(of_flow_logs(described))

    def _take(self, found: dict[str, GroupFormat]) -> None:
        self.now = Formats(self.now.default, found)
        unusable = {group: one.why for group, one in found.items() if isinstance(one, Unusable)}
        for group, why in unusable.items():
            if why not in self._told:  # Once, and not with each refresh.
                log.error("lines of a log group are refused", group=group, why=why)
        self._told = set(unusable.values())

    def _describe(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("describe_flow_logs").paginate()
        return [one for page in pages for one in page["FlowLogs"]]


def group_formats(default: str, setting: str, caller: Caller) -> GroupFormats:
    """Return what two settings say. Raises `BadFormat`, and `ConnectError` when EC2 has no client."""
    return GroupFormats(default, setting, caller, make_client("ec2") if setting == DESCRIBE else None)
