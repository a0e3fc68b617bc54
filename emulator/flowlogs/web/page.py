"""The HTML of the emulator's flow-log page: a form, the flow logs, their last lines, the network. Pure.

The page works without its script. With the script, the tables are refreshed. The template escapes all values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from emulator.flowlogs.flow_log import CLOUDWATCH, FIREHOSE, S3, FlowLog
from emulator.flowlogs.web.network import Network, NetworkResource
from emulator.scope import Scope

SHOWN_MOST = 100
"""The number of interfaces that are listed for each subnet, and that the form offers."""
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
class PageData:
    """The content of the page. `said` is the result of the submitted form, `form` its field values."""

    scope: Scope
    network: Network
    flow_logs: Sequence[FlowLog]
    said: str = ""
    form: Mapping[str, str] = field(default_factory=dict)


def render(shown: PageData, *, only_live: bool = False) -> str:
    """Return the page. If `only_live` is set, return only the part that the script refreshes."""
    network = shown.network
    in_subnet: dict[str, list[NetworkResource]] = defaultdict(list)
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
