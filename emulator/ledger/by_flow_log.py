"""The ledger of delivered records: a total, and one ledger per flow log. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson
import polars as pl

from emulator.ledger.labels import Label
from emulator.ledger.ledger import Ledger
from emulator.ledger.peers import Peers

_TOTALS = ("eni", "action", "packets", "bytes", "start", "end")


@dataclass(slots=True)
class DeliveryLedger:
    """The ledgers of one round. `flow_logs` are by id."""

    whole: Ledger = field(default_factory=Ledger)
    peers: Peers = field(default_factory=Peers)
    flow_logs: dict[str, Ledger] = field(default_factory=dict)

    def add(self, flow_log_id: str, about: pl.DataFrame) -> None:
        """Add records that were taken, by their columns (`batches.ABOUT`)."""
        totals = about.select(_TOTALS)
        self.whole.add_columns(totals)
        self.flow_logs.setdefault(flow_log_id, Ledger()).add_columns(totals)
        self.peers.add(about)

    def to_json(self, labels: Iterable[Label]) -> bytes:
        """Return the ledger as JSON, as `ledger.from_json` reads it; peers, ports and flow logs beside."""
        self.whole.labels = tuple(labels)
        document = orjson.loads(self.whole.to_json())
        document |= {"peers": self.peers.by_peer(), "ports": self.peers.by_port()}
        document["flow_logs"] = {
            key: orjson.loads(ledger.to_json())["totals"] for key, ledger in self.flow_logs.items()
        }
        return orjson.dumps(document)
