"""The services that are loaded when the first request for one of them comes: moto's, and Firehose.

Both need aiohttp as a client, which takes a third of a second to load; whoever wants Kinesis only should not
wait for it. Firehose puts its objects to the S3 behind us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator import health
from emulator.exchange import Incoming, Outgoing
from emulator.inspection import as_json
from emulator.kinesis.store import Store

if TYPE_CHECKING:
    from emulator.behind import Behind
    from emulator.firehose.service import Firehose


class OnDemand:
    """The services beside Kinesis. `stop` must be awaited; nothing needs to be started."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._behind: Behind | None = None
        self._firehose: Firehose | None = None

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

    def firehose_page(self, incoming: Incoming) -> Outgoing:
        """Show the delivery streams."""
        return as_json([]) if self._firehose is None else self._firehose.page(incoming)

    def health(self) -> Mapping[str, object]:
        """Return LocalStack's page of health."""
        return health.health(self._behind is not None and self._behind.is_running)

    async def stop(self) -> None:
        """End what was started; Firehose first, which delivers to the others."""
        if self._firehose is not None:
            await self._firehose.stop()
        if self._behind is not None:
            await self._behind.stop()

    def _loaded_behind(self) -> Behind:
        if self._behind is None:
            from emulator.behind import Behind

            self._behind = Behind()
        return self._behind
