"""The flow-log service: answers the EC2 and CloudWatch Logs requests about flow logs, forwards the others.

`revision` grows with each EC2 call that may have changed the estate, so that the simulator knows when to read
it again. Changes by other services (CloudFormation, Auto Scaling, load balancers) are not noticed here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog

from emulator.flowlogs.api import query
from emulator.flowlogs.api.calls import ACTIONS, TAG_ACTIONS, Calls
from emulator.flowlogs.api.errors import Refused
from emulator.flowlogs.api.query import Parameters
from emulator.flowlogs.api.tagging import is_ours
from emulator.flowlogs.flow_log import FlowLogs
from emulator.flowlogs.service_client import ServiceClient, ServiceError, content
from emulator.flowlogs.subscriptions.service import Subscriptions
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis import errors as json_errors
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import ACCOUNT
from emulator.kinesis.store import Store
from emulator.moto.requests import caller
from emulator.scope import Scope

_ACTION = re.compile(rb"(?:^|[?&])Action=([A-Za-z0-9]+)")
_READING = ("Describe", "Get", "List", "Search")

log = structlog.get_logger("emulator.flowlogs")


class FlowLogService:
    """The service. It has no background tasks, so it is neither started nor stopped.

    `listeners` are called after each successful EC2 call that may have changed flow logs or the estate. They
    must not raise.
    """

    def __init__(self, others: Service, firehose: Service, kinesis: Store, clock: Callable[[], int]) -> None:
        """Create the service from moto's services, the Firehose service and the store of Kinesis streams."""
        client = ServiceClient(others, firehose)
        self.flow_logs = FlowLogs()
        self.subscriptions = Subscriptions(others, client, kinesis, clock)
        self.revision = 0
        self.listeners: list[Callable[[], None]] = []
        self._others = others
        self._calls = Calls(self.flow_logs, client, clock)

    async def ec2(self, incoming: Incoming) -> Outgoing:
        """Answer a request for EC2. Never raises."""
        action = _action(incoming)
        answer = await self._ec2(incoming, action)
        if answer.status == 200 and not action.startswith(_READING):
            self.revision += 1
            for listener in self.listeners:
                listener()
        return answer

    async def logs(self, incoming: Incoming) -> Outgoing:
        """Answer a request for CloudWatch Logs. Never raises."""
        try:
            return await self.subscriptions.answer(incoming, _scope(incoming))
        except ServiceError as other:
            return other.answer
        except json_errors.Refused as refused:
            return _json(refused)
        except Exception:
            log.exception("cloudwatch logs call failed", target=incoming.headers.get("x-amz-target"))
            return _json(json_errors.Refused("InternalFailure", "An internal error has occurred", 500))

    async def _ec2(self, incoming: Incoming, action: str) -> Outgoing:
        request_id = str(uuid.uuid4())
        try:
            if action not in ACTIONS and action not in TAG_ACTIONS:
                return await self._others(incoming)
            asked = Parameters.read(incoming)
            if not (self.flow_logs if action == "DescribeTags" else action in ACTIONS or is_ours(asked)):
                return await self._others(incoming)
            return query.answer(action, request_id, await self._calls.answer(action, asked, _scope(incoming)))
        except Refused as refused:
            return query.refusal(refused, request_id)
        except ServiceError as other:
            return _as_ec2_error(other, request_id)
        except Exception:
            log.exception("ec2 call failed", action=action)
            return query.refusal(_internal(), request_id)


def _action(incoming: Incoming) -> str:
    found = _ACTION.search(incoming.body) or _ACTION.search(incoming.target.encode())
    return "" if found is None else found[1].decode()


def _scope(incoming: Incoming) -> Scope:
    """Return the account and Region of a request. An access key of twelve digits is an account number."""
    who = caller(incoming)
    is_account = len(who.access_key) == 12 and who.access_key.isdecimal()
    return Scope(who.access_key if is_account else ACCOUNT, who.region)


def _as_ec2_error(other: ServiceError, request_id: str) -> Outgoing:
    """Return EC2's own error unchanged, and the error of another service in EC2's format."""
    if b"<Response" in content(other.answer):
        return other.answer
    log.warning("call to another service failed", reason=str(other))
    status = other.answer.status
    code = "NotImplemented" if status == 501 else "InternalError"
    return query.refusal(Refused(code, str(other), status if status >= 500 else 500), request_id)


def _internal() -> Refused:
    return Refused("InternalError", "An internal error has occurred", 500)


def _json(refused: json_errors.Refused) -> Outgoing:
    answer = wire.error(refused)
    assert isinstance(answer.body, bytes)
    return Outgoing(answer.status, {"Content-Type": wire.CONTENT_TYPE}, answer.body)
