"""The services that are loaded when the first request for one of them comes: moto's, Firehose, and flow logs.

The first two need aiohttp as a client, which takes a third of a second to load; whoever wants Kinesis only
should not wait for it. Firehose puts its objects to the S3 behind us; flow logs stand before moto's EC2 and
CloudWatch Logs, and pass on what is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.http.messages import Incoming, Outgoing
from emulator.inspection import Page, as_json
from emulator.kinesis.store import Store
from emulator.moto import health

if TYPE_CHECKING:
    from emulator.firehose.service import Firehose
    from emulator.flowlogs.player.link import Link
    from emulator.flowlogs.service import FlowLogService
    from emulator.moto.backend import Behind

FLOW_LOG_PATHS = (
    *("/_vpcflow", "/_vpcflow/live", "/_vpcflow/page.css", "/_vpcflow/page.js"),
    *("/_vpcflow/flow-logs", "/_vpcflow/world", "/_vpcflow/ledger"),
)


class OnDemand:
    """The services beside Kinesis. `stop` must be awaited; nothing needs to be started.

    `url` is where the player of flow logs finds us; whoever listens sets it.
    """

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._behind: Behind | None = None
        self._firehose: Firehose | None = None
        self._flow_logs: FlowLogService | None = None
        self._player: Link | None = None
        self._pages: Mapping[str, Page] | None = None
        self.url = ""

    async def others(self, incoming: Incoming) -> Outgoing:
        """Answer a request for a service that we do not play."""
        return await self._loaded_behind().answer(incoming)

    async def firehose(self, incoming: Incoming) -> Outgoing:
        """Answer a request for Firehose."""
        if self._firehose is None:
            from emulator.firehose.service import Firehose

            self._firehose = Firehose(self._store, self.others, self._clock)
            await self._firehose.start()
        return await self._firehose.answer(incoming)

    async def ec2(self, incoming: Incoming) -> Outgoing:
        """Answer a request for EC2."""
        return await self.flow_logs().ec2(incoming)

    async def logs(self, incoming: Incoming) -> Outgoing:
        """Answer a request for CloudWatch Logs."""
        return await self.flow_logs().logs(incoming)

    def flow_logs(self) -> FlowLogService:
        """Return the service of flow logs, made when it is first asked for."""
        if self._flow_logs is None:
            from emulator.flowlogs.player.link import Link
            from emulator.flowlogs.service import FlowLogService

            self._flow_logs = FlowLogService(self.others, self.firehose, self._store, self._clock)
            self._player = Link(self._flow_logs, lambda: self.url)
        return self._flow_logs

    def flow_log_pages(self) -> Mapping[str, Page]:
        """Return the pages about flow logs, by path; they are loaded when one of them is asked for."""
        return dict.fromkeys(FLOW_LOG_PATHS, self._flow_log_page)

    async def _flow_log_page(self, incoming: Incoming) -> Outgoing:
        if self._pages is None:
            from emulator.flowlogs.web.network import Networks
            from emulator.flowlogs.web.pages import Pages

            service = self.flow_logs()
            assert self._player is not None
            self._pages = Pages(service, self._player, Networks(self.others)).by_path()
        answer = self._pages[incoming.target.partition("?")[0].rstrip("/")](incoming)
        return answer if isinstance(answer, Outgoing) else await answer

    def firehose_page(self, incoming: Incoming) -> Outgoing:
        """Show the delivery streams."""
        return as_json([]) if self._firehose is None else self._firehose.page(incoming)

    def health(self) -> Mapping[str, object]:
        """Return LocalStack's page of health."""
        return health.health(self._behind is not None and self._behind.is_running)

    async def stop(self) -> None:
        """End what was started; first those that deliver to others."""
        if self._player is not None:
            await self._player.stop()
        if self._firehose is not None:
            await self._firehose.stop()
        if self._behind is not None:
            await self._behind.stop()

    def _loaded_behind(self) -> Behind:
        if self._behind is None:
            from emulator.moto.backend import Behind

            self._behind = Behind()
        return self._behind
