"""The services that are loaded with their first request: moto, Firehose, and flow logs.

moto and Firehose need aiohttp's client, which takes a third of a second to load; an emulator that serves only
Kinesis does not load it. Firehose writes its objects to moto's S3. The flow-log service handles the EC2 and
CloudWatch Logs requests that concern flow logs, and forwards the others to moto.
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
    from emulator.flowlogs.player.link import SimulatorProcess
    from emulator.flowlogs.service import FlowLogService
    from emulator.moto.backend import MotoBackend

FLOW_LOG_PATHS = (
    *("/_vpcflow", "/_vpcflow/live", "/_vpcflow/page.css", "/_vpcflow/page.js"),
    *("/_vpcflow/flow-logs", "/_vpcflow/world", "/_vpcflow/ledger"),
)


class LazyServices:
    """The services other than Kinesis. Call `stop` at the end; a start is not needed.

    `url` is the endpoint that the flow-log simulator connects to; the listener sets it.
    """

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._moto: MotoBackend | None = None
        self._firehose: Firehose | None = None
        self._flow_logs: FlowLogService | None = None
        self._player: SimulatorProcess | None = None
        self._pages: Mapping[str, Page] | None = None
        self.url = ""

    async def others(self, incoming: Incoming) -> Outgoing:
        """Answer a request for a service that only moto implements."""
        return await self._loaded_moto().answer(incoming)

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
        """Return the flow-log service. The first call creates it."""
        if self._flow_logs is None:
            from emulator.flowlogs.player.link import SimulatorProcess
            from emulator.flowlogs.service import FlowLogService

            self._flow_logs = FlowLogService(self.others, self.firehose, self._store, self._clock)
            self._player = SimulatorProcess(self._flow_logs, lambda: self.url)
        return self._flow_logs

    def flow_log_pages(self) -> Mapping[str, Page]:
        """Return the flow-log pages by path. The first request for one of them loads the pages."""
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
        """Return the health page in LocalStack's format."""
        return health.health(self._moto is not None and self._moto.is_running)

    async def stop(self) -> None:
        """Stop the started services, those that deliver to others first."""
        if self._player is not None:
            await self._player.stop()
        if self._firehose is not None:
            await self._firehose.stop()
        if self._moto is not None:
            await self._moto.stop()

    def _loaded_moto(self) -> MotoBackend:
        if self._moto is None:
            from emulator.moto.backend import MotoBackend

            self._moto = MotoBackend()
        return self._moto
