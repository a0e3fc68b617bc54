"""A service that delays each answer until its changes are on disk."""

from __future__ import annotations

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.errors import Refused
from emulator.kinesis.http import front
from emulator.kinesis.persistence.journal import Journal, JournalFailed
from emulator.kinesis.protocol import wire

_READS = ("Describe", "Get", "List")
_HOT = ("PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "SubscribeToShard")


class Durable:
    """A wrapper around the Kinesis service with the journal of its store."""

    def __init__(self, within: Service, journal: Journal) -> None:
        self._within, self._journal = within, journal

    async def __call__(self, incoming: Incoming) -> Outgoing:
        """Answer a request after its changes are committed. Never raises."""
        try:
            outgoing = await self._within(incoming)
        finally:
            # Also if the client has disconnected: the call had its effect.
            operation = wire.operation_of(incoming.headers.get("x-amz-target", "")) or ""
            if operation not in _HOT:
                if operation.startswith(_READS):
                    self._journal.check_time_changes()
                else:
                    self._journal.changed()
        try:
            await self._journal.committed()
        except JournalFailed:
            format = wire.format_of(incoming.headers.get("content-type", "")) or wire.Format.JSON
            return front.written(wire.error(Refused("InternalFailure", status=500), format))
        return outgoing
