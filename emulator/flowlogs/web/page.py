"""The emulator's page about flow logs, as HTML: a form, the flow logs, the last lines, the network. Pure.

Without its script it is a page like any other; with it the tables follow what happens. The template escapes
everything that came from outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from emulator.flowlogs.flow_log import CLOUDWATCH, FIREHOSE, S3, FlowLog
from emulator.flowlogs.web.network import Network, Thing
from emulator.scope import Scope

SHOWN_MOST = 100
"""Interfaces of a subnet that are listed, and that the form offers."""
LINES_SHOWN = 8
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LEVELS = {"VPC": "VPC", "Subnet": "Subnet", "NetworkInterface": "Network interface"}
_DESTINATIONS = {CLOUDWATCH: "CloudWatch Logs", S3: "S3", FIREHOSE: "Firehose"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows. `said` is what came of the form, `form` what it was filled with."""

    scope: Scope
    network: Network
    flow_logs: Sequence[FlowLog]
    said: str = ""
    form: Mapping[str, str] = field(default_factory=dict)


def render(shown: Shown, *, only_live: bool = False) -> str:
    """Return the page, or only the part of it that changes."""
    network = shown.network
    in_subnet: dict[str, list[Thing]] = defaultdict(list)
    for one in network.interfaces:
        in_subnet[one.parent].append(one)
    return _template().render(
        scope=shown.scope,
        network=network,
        in_subnet=in_subnet,
        flow_logs=shown.flow_logs,
        said=shown.said,
        form=defaultdict(str, shown.form),
        offered=(*network.vpcs, *network.subnets, *network.interfaces[:SHOWN_MOST]),
        logged={one.resource_id for one in shown.flow_logs},
        levels=_LEVELS,
        destinations=_DESTINATIONS,
        shown_most=SHOWN_MOST,
        lines_shown=LINES_SHOWN,
        only_live=only_live,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = PackageLoader("emulator.flowlogs", "web")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html")
