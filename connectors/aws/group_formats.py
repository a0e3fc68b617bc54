"""The formats of log groups from EC2's DescribeFlowLogs, refreshed at intervals and for unknown groups."""

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
    """The known formats. `client` is EC2's, and needed if the setting is `describe`."""

    def __init__(self, default: str, setting: str, caller: Caller, client: Any = None) -> None:
        self.now = Formats(default, parse_group_formats(setting))
        self._is_described = setting == DESCRIBE
        self._caller, self._client = caller, client
        self._refreshed_at = float("-inf")
        self._refreshing = asyncio.Lock()
        self._logged: set[str] = set()

    def may_refresh(self, log_groups: Iterable[str]) -> bool:
        """Return whether a refresh is due, or may find one of these groups."""
        if not self._is_described:
            return False
        age_s = time.monotonic() - self._refreshed_at
        is_unknown = any(group not in self.now.by_group for group in log_groups)
        return age_s > REFRESH_S or (is_unknown and age_s > AGAIN_S)

    async def refresh(self) -> None:
        """Read the flow logs from EC2, once for all concurrent callers. Raises botocore's errors."""
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at <= AGAIN_S:
                return
            try:
                described = await self._caller.call("DescribeFlowLogs", self._describe)
            except FAILURES as error:
                if not self.now.by_group:
                    raise
                log.warning("formats of log groups not refreshed", error=describe_error(error))
                described = None
            self._refreshed_at = time.monotonic()
            if described is not None:
                self._take(of_flow_logs(described))

    def _take(self, found: dict[str, GroupFormat]) -> None:
        self.now = Formats(self.now.default, found)
        unusable = {group: one.why for group, one in found.items() if isinstance(one, Unusable)}
        for group, why in unusable.items():
            if why not in self._logged:  # Once, and not with each refresh.
                log.error("lines of a log group are refused", log_group=group, why=why)
        self._logged = set(unusable.values())

    def _describe(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("describe_flow_logs").paginate()
        return [one for page in pages for one in page["FlowLogs"]]


def group_formats(default: str, setting: str, caller: Caller) -> GroupFormats:
    """Return the formats of two settings. Raises `BadFormat`, and `ConnectError` without a client for EC2."""
    return GroupFormats(default, setting, caller, make_client("ec2") if setting == DESCRIBE else None)
