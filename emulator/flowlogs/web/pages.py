"""The emulator's HTTP endpoints for flow logs and the world: a page, and JSON for `vpcflow world`.

`/_vpcflow/` is the page; a POST of its form creates a flow log. `/_vpcflow/flow-logs` lists every flow log
with its delivery counters. `/_vpcflow/world` returns the world's settings and progress; a PUT starts a new
world. `/_vpcflow/ledger` is the ledger of a bounded load after its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from html import unescape
from importlib.resources import files
from urllib.parse import parse_qsl, urlencode

import orjson

from emulator.flowlogs.flow_log import CLOUDWATCH, FlowLog
from emulator.flowlogs.player.link import SimulatorProcess
from emulator.flowlogs.service import FlowLogService
from emulator.flowlogs.service_client import EC2_VERSION, FORM, ServiceError, content, signed
from emulator.flowlogs.web import page
from emulator.flowlogs.web.network import Network, Networks
from emulator.http.messages import Incoming, Outgoing
from emulator.inspection import Page, as_json
from emulator.kinesis.protocol.wire import ACCOUNT
from emulator.scope import Scope
from emulator.world.settings import BadWorld

_LEVELS = {"vpc": "VPC", "subnet": "Subnet", "eni": "NetworkInterface"}
_MADE = re.compile(r"<item>(fl-[0-9a-f]+)</item>")
_SENTENCE = re.compile(r"<[mM]essage>([^<]*)</[mM]essage>")
_SCOPE = re.compile(r"[a-z0-9-]{1,32}")


class Pages:
    """The handlers of these endpoints."""

    def __init__(self, service: FlowLogService, link: SimulatorProcess, networks: Networks) -> None:
        self._service, self._link, self._networks = service, link, networks

    def by_path(self) -> Mapping[str, Page]:
        """Return the handlers by path."""
        return {
            "/_vpcflow": self._page,
            "/_vpcflow/live": self._live,
            "/_vpcflow/page.css": lambda _: _text(_file("page.css"), "text/css"),
            "/_vpcflow/page.js": lambda _: _text(_file("page.js"), "text/javascript"),
            "/_vpcflow/flow-logs": lambda _: as_json([_shown(one) for one in self._service.flow_logs]),
            "/_vpcflow/world": self._world,
            "/_vpcflow/ledger": self._ledger,
        }

    async def _page(self, incoming: Incoming) -> Outgoing:
        scope, said, form = _scope(incoming), "", {}
        if incoming.method == "POST":
            if not _is_same_origin(incoming.headers):
                return as_json({"message": "Only this page itself may send its form."}, 403)
            form = dict(parse_qsl(incoming.body.decode("utf-8", "replace")))
            said = await self._create(scope, form)
        elif incoming.method not in {"GET", "HEAD"}:
            return as_json({"message": "This page supports GET and POST."}, 405)
        network, why = await self._network(scope)
        shown = page.PageData(scope, network, self._service.flow_logs.of(scope), said or why, form)
        return _text(page.render(shown), "text/html")

    async def _live(self, incoming: Incoming) -> Outgoing:
        scope = _scope(incoming)
        network, _ = await self._network(scope)
        shown = page.PageData(scope, network, self._service.flow_logs.of(scope))
        return _text(page.render(shown, only_live=True), "text/html")

    def _world(self, incoming: Incoming) -> Outgoing:
        if incoming.method == "PUT":
            try:
                self._link.set_world(orjson.loads(incoming.body))
            except json.JSONDecodeError as error:  # orjson's error is one
                return as_json({"message": f"The body is not JSON: {error}."}, 400)
            except BadWorld as bad:
                return as_json({"message": str(bad)}, 400)
        elif incoming.method not in {"GET", "HEAD"}:
            return as_json({"message": "This page supports GET and PUT."}, 405)
        settings, progress = self._link.settings.document(), asdict(self._link.progress)
        return as_json({"settings": settings, "progress": progress, "player": self._link.pid})

    def _ledger(self, incoming: Incoming) -> Outgoing:
        if not self._link.ledger:
            return as_json({"message": "There is no ledger. It is written when a bounded load ends."}, 404)
        return Outgoing(200, {"Content-Type": "application/json"}, self._link.ledger)

    async def _network(self, scope: Scope) -> tuple[Network, str]:
        try:
            return await self._networks.of(scope, self._service.revision), ""
        except ServiceError as other:
            return Network(), f"EC2 cannot be read: {other}"

    async def _create(self, scope: Scope, form: Mapping[str, str]) -> str:
        """Create the flow log of a submitted form through `CreateFlowLogs`. Return a message for the page."""
        headers = {**signed(scope, "ec2"), "content-type": FORM}
        asked = urlencode({name: value for name, value in _asked(form).items() if value}).encode()
        answer = content(await self._service.ec2(Incoming("POST", "/", headers, asked))).decode()
        made = _MADE.search(answer)
        if made is not None:
            return f"Flow log {made[1]} was created."
        refused = _SENTENCE.search(answer)
        return unescape(refused[1]) if refused else "EC2 did not create the flow log."


def _asked(form: Mapping[str, str]) -> dict[str, str]:
    resource, kind = form.get("resource", "").strip(), form.get("destination_type", CLOUDWATCH)
    where = form.get("destination", "").strip()
    is_group = kind == CLOUDWATCH and not where.startswith("arn:")
    name = form.get("name", "").strip()
    tag = {
        "TagSpecification.1.ResourceType": "vpc-flow-log",
        "TagSpecification.1.Tag.1.Key": "Name",
        "TagSpecification.1.Tag.1.Value": name,
    }
    return {
        "Action": "CreateFlowLogs",
        "Version": EC2_VERSION,
        "ResourceType": _LEVELS.get(resource.partition("-")[0], resource),
        "ResourceId.1": resource,
        "TrafficType": form.get("filter", "ALL"),
        "MaxAggregationInterval": form.get("interval", "600"),
        "LogDestinationType": kind,
        "LogGroupName" if is_group else "LogDestination": where,
        "DeliverLogsPermissionArn": form.get("role", "").strip(),
        "LogFormat": form.get("format", "").strip().removeprefix("default"),
        **(tag if name else {}),
    }


def _shown(one: FlowLog) -> dict[str, object]:
    settings = one.settings
    return {
        "flow_log_id": one.flow_log_id,
        "account": one.scope.account,
        "region": one.scope.region,
        "resource_id": one.resource_id,
        "level": settings.resource_type,
        "filter": settings.filter,
        "interval_s": settings.interval_s,
        "destination_type": settings.destination_type,
        "destination": settings.log_group_name or settings.log_destination,
        "format": settings.log_format,
        "status": one.status,
        "error": one.error,
        "reason": one.reason,
        "calls": one.delivered.calls,
        "lines": one.delivered.lines,
        "lost": one.delivered.lost,
        "last": list(one.delivered.last),
    }


def _scope(incoming: Incoming) -> Scope:
    """Return the account and Region in the query string. The defaults are those of the emulator."""
    asked = dict(parse_qsl(incoming.target.partition("?")[2]))
    account, region = asked.get("account", ""), asked.get("region", "")
    is_account = account.isascii() and account.isdecimal() and len(account) == 12
    return Scope(account if is_account else ACCOUNT, region if _SCOPE.fullmatch(region) else "us-east-1")


def _is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return True if a browser sent the form from this page. Other sites cannot set these headers."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin", "")
    return not origin or origin.partition("://")[2] == headers.get("host", "")


def _file(name: str) -> str:
    return files("emulator.flowlogs").joinpath("web", name).read_text("utf-8")


def _text(text: str, kind: str) -> Outgoing:
    return Outgoing(200, {"Content-Type": f"{kind}; charset=utf-8", **page.SECURITY}, text.encode())
