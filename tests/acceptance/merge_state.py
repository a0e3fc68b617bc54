"""The windows in the state topic of `merge`, and which of a ledger's windows must be there."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import read_compacted
from emulator.ledger.ledger import Key, Ledger
from streams.records import Aggregate
from streams.windows.merge import Rules, Windows
from tests.streams.windows.window_feed import kept_aggregates


async def read(kafka: str, prefix: str, slots: int) -> dict[Key, Aggregate]:
    """Return what `merge` keeps, as aggregates."""
    found = {}
    for partition in range(slots):
        values = await read_compacted(KafkaConnection(kafka), f"{prefix}merge-state", partition)
        values.pop(b"sent", None)
        for aggregate in kept_aggregates(Windows.load(Rules(), values)):
            found[aggregate.eni, aggregate.action, aggregate.window_start] = aggregate
    return found


def kept(ledger: Ledger, state: Mapping[Key, object]) -> Ledger:
    """Return the ledger of the windows that `merge` must still keep, and of those that it does keep.

    It may forget a window once the retention has passed, and does so with its next flush.
    """
    totals, rules = ledger.totals(), Rules()
    newest = max(window for _, _, window in totals) + rules.window_s
    oldest = newest - rules.lateness_s - rules.retention_s
    found = Ledger()
    found.add_totals({k: v for k, v in totals.items() if k in state or k[2] + rules.window_s > oldest})
    return found
