"""A service whose answers are held back until what they say is on disk."""

from __future__ import annotations

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.errors import Refused
from emulator.kinesis.http import front
from emulator.kinesis.persistence.journal import Journal, JournalFailed
from emulator.kinesis.protocol import wire

_READS = ("Describe", "Get", "List")
_HOT = ("PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "SubscribeToShard")


class Durable:
    """A service, and the journal of its store."""

    def __init__(self, within: Service, journal: Journal) -> None:
        self._within, self._journal = within, journal

    async def __call__(self, incoming: Incoming) -> Outgoing:
        """Answer a request, and do not say so before it is true for good."""
        try:
            outgoing = await self._within(incoming)
        finally:
            # Also when the client has gone: the call had its effect.
            operation = wire.operation_of(incoming.headers.get("x-amz-target", "")) or ""
            if operation not in _HOT:
                if operation.startswith(_READS):
                    self._journal.looked()
                else:
                    self._journal.changed()
        try:
            await self._journal.committed()
        except JournalFailed:
            format = wire.format_of(incoming.headers.get("content-type", "")) or wire.Format.JSON
            return front.written(wire.error(Refused("InternalFailure", status=500), format))
        return outgoing
