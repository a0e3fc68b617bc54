"""The EC2 calls on flow logs: create, describe and delete them, and change their tags.

`validation` checks parameters, and `destination_checks` the destination. A refused call changes nothing,
except that the bucket policy of the account's own bucket may already be attached. Two flow logs are
duplicates if their resource and all their settings are equal.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from emulator.flowlogs.api import errors, tagging, validation
from emulator.flowlogs.api.describing import described, named_ids
from emulator.flowlogs.api.destination_checks import check_destination
from emulator.flowlogs.api.query import Parameters, Xml
from emulator.flowlogs.flow_log import FlowLog, FlowLogs, Settings
from emulator.flowlogs.service_client import ServiceClient
from emulator.scope import Scope

PER_RESOURCE_MAX = 250  # VPC guide, "Flow log limitations"
TOKENS_MAX = 1000  # AWS keeps a client token for about a day; the emulator keeps the last thousand.
ACTIONS = frozenset({"CreateFlowLogs", "DescribeFlowLogs", "DeleteFlowLogs", "DescribeTags"})
TAG_ACTIONS = frozenset({"CreateTags", "DeleteTags"})

Answer = Mapping[str, Xml]


class Calls:
    """The calls. All of them raise `Refused`, and `ServiceError` if another service fails."""

    def __init__(self, flow_logs: FlowLogs, client: ServiceClient, clock: Callable[[], int]) -> None:
        self._flow_logs, self._client, self._clock = flow_logs, client, clock
        self._tokens: dict[tuple[Scope, str], tuple[Mapping[str, str], Answer]] = {}
        self._creating = asyncio.Lock()

    async def answer(self, action: str, asked: Parameters, scope: Scope) -> Answer:
        """Answer one of the calls in `ACTIONS` and `TAG_ACTIONS`."""
        match action:
            case "CreateFlowLogs":
                async with self._creating:  # The check for duplicates and the insertion are one step.
                    return await self._create(asked, scope)
            case "DescribeFlowLogs":
                return self._describe(asked, scope)
            case "DeleteFlowLogs":
                return self._delete(asked, scope)
            case "DescribeTags":
                return await tagging.describe_tags(self._flow_logs, self._client, asked, scope)
            case "CreateTags":
                await tagging.create_tags(self._flow_logs, self._client, asked, scope)
            case _:
                await tagging.delete_tags(self._flow_logs, self._client, asked, scope)
        return {"return": True}

    async def _create(self, asked: Parameters, scope: Scope) -> Answer:
        settings = validation.settings(asked, scope)
        resource_ids = validation.resource_ids(asked, settings.resource_type)
        tags = validation.tags(asked)
        if asked.flag("DryRun"):
            raise errors.dry_run()
        token = asked.text("ClientToken")
        parameters = {name: value for name, value in asked.values.items() if not name.startswith("X-Amz-")}
        if token and (known := self._tokens.get((scope, token))) is not None:
            if known[0] != parameters:
                raise errors.other_parameters()
            return known[1]
        await self._check_resources(settings.resource_type, resource_ids, scope)
        for resource_id in resource_ids:
            self._check_new(resource_id, settings, scope)
        failed = await check_destination(self._client, settings, scope)
        answer: Answer = {
            "clientToken": token or _token(scope),
            "flowLogIdSet": [] if failed else self._made(settings, resource_ids, tags, scope),
            "unsuccessful": [_item(failed(one)) for one in resource_ids] if failed else [],
        }
        if token:
            self._remember(scope, token, parameters, answer)
        return answer

    async def _check_resources(self, resource_type: str, ids: Sequence[str], scope: Scope) -> None:
        existing = await self._client.existing(scope, resource_type, ids)
        for one in ids:
            if one not in existing:
                raise errors.no_resource(resource_type, one)

    def _check_new(self, resource_id: str, settings: Settings, scope: Scope) -> None:
        have = [one for one in self._flow_logs.of(scope) if one.resource_id == resource_id]
        if any(one.settings == settings for one in have):
            raise errors.already_exists()
        if len(have) >= PER_RESOURCE_MAX:
            raise errors.too_many(resource_id, PER_RESOURCE_MAX)

    def _made(
        self, settings: Settings, resource_ids: Sequence[str], tags: Mapping[str, str], scope: Scope
    ) -> list[str]:
        made = [
            FlowLog(_new_id(), scope, resource_id, settings, self._clock(), dict(tags))
            for resource_id in resource_ids
        ]
        for one in made:
            self._flow_logs.add(one)
        return [one.flow_log_id for one in made]

    def _remember(self, scope: Scope, token: str, parameters: Mapping[str, str], answer: Answer) -> None:
        self._tokens[scope, token] = parameters, answer
        if len(self._tokens) > TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]

    def _describe(self, asked: Parameters, scope: Scope) -> Answer:
        answer = described(self._flow_logs.of(scope), asked)
        if asked.flag("DryRun"):
            raise errors.dry_run()
        return answer

    def _delete(self, asked: Parameters, scope: Scope) -> Answer:
        ids = named_ids(asked)
        if not ids:
            raise errors.invalid_format("flowLogId", "")  # cloud-custodian/cloud-custodian#2944
        found = [self._flow_logs.get(scope, one) for one in ids]
        missing = [one for one, flow_log in zip(ids, found, strict=True) if flow_log is None]
        if missing:
            raise errors.not_found(missing)
        if asked.flag("DryRun"):
            raise errors.dry_run()
        for flow_log in found:
            assert flow_log is not None
            self._flow_logs.remove(flow_log)
        return {"unsuccessful": []}


def _token(scope: Scope) -> str:
    """Return the client token in the answer to a request without one. AWS returns a constant hash."""
    return b64encode(sha256(f"{scope.account} {scope.region}".encode()).digest()).decode()


def _new_id() -> str:
    return f"fl-{secrets.token_hex(9)[:17]}"


def _item(one: errors.Unsuccessful) -> Answer:
    return {"error": {"code": one.code, "message": one.message}, "resourceId": one.resource_id}
