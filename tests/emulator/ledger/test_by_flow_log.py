"""The ledger of a round: what was delivered, all together and for each flow log, and read back."""

from __future__ import annotations

import numpy as np
import orjson

from emulator.flowlogs.player.delivery.batches import IntervalBatch, batch
from emulator.flowlogs.player.intervals import Intervals, Portion
from emulator.ledger import ledger
from emulator.ledger.by_flow_log import DeliveryLedger
from emulator.ledger.labels import Label
from emulator.world.simulation import World
from tests.connectors.vpc.estates import estate
from tests.emulator.flowlogs.player.portions import FIRST, flow_log, rows

LABELS = (
    Label("port_scan", "eni-web", 60, 120, "port_scan", ("eni-app",)),
    Label("", "eni-db", 60, 360, "dead_database"),
)


def delivered(resource: str, kind: str, minutes: int = 3) -> list[IntervalBatch]:
    """Return what a flow log gets of a world."""
    world = World(estate(), 1)
    made = Intervals(flow_log(resource, kind))
    made.use(world.directory)
    found = [one for nth in range(minutes) for one in made.add(world.minute(FIRST + nth))]
    return [batch(one, rows(world.directory)) for one in found]


def written(books: DeliveryLedger) -> dict[str, object]:
    document: dict[str, object] = orjson.loads(books.to_json(LABELS))
    return document


def test_a_ledger_is_read_back_with_its_labels_and_totals() -> None:
    books = DeliveryLedger()
    batches = delivered("vpc-a", "VPC")
    for one in batches:
        books.add("fl-1", one.about)
    read = ledger.from_json(books.to_json(LABELS))
    assert read.labels == LABELS
    assert read.lines == sum(one.height for one in batches)
    assert read.totals() == books.whole.totals()


def test_totals_are_those_of_the_lines() -> None:
    """Counted from the text of the lines, not from the columns beside them."""
    books = DeliveryLedger()
    flows, packets, size = 0, 0, 0
    for one in delivered("vpc-a", "VPC"):
        books.add("fl-1", one.about)
        for _, part in one.runs():
            for line in part["line"]:
                words = line.split(" ")
                flows += 1
                packets += 0 if words[8] == "-" else int(words[8])
                size += 0 if words[9] == "-" else int(words[9])
    totals = list(books.whole.totals().values())
    assert [sum(one[place] for one in totals) for place in range(3)] == [flows, packets, size]
    assert flows > 1000


def test_flow_logs_are_kept_apart_and_counted_together() -> None:
    books, one, other = DeliveryLedger(), DeliveryLedger(), DeliveryLedger()
    for flow_log_id, resource, kind, alone in (
        ("fl-1", "subnet-data", "Subnet", one),
        ("fl-2", "vpc-b", "VPC", other),
    ):
        for made in delivered(resource, kind):
            books.add(flow_log_id, made.about)
            alone.add(flow_log_id, made.about)
    document = written(books)
    assert document["flow_logs"] == {
        "fl-1": written(one)["totals"],
        "fl-2": written(other)["totals"],
    }
    assert books.whole.lines == one.whole.lines + other.whole.lines


def test_peers_are_the_real_ones_and_ports_those_of_services() -> None:
    """Behind a NAT gateway the peer is the address in `pkt-srcaddr` or `pkt-dstaddr`."""
    books = DeliveryLedger()
    for one in delivered("eni-db", "NetworkInterface", 10):
        books.add("fl-1", one.about)
    document = written(books)
    peers, ports = ({name: size for name, _, size in document[key]["eni-db"]} for key in ("peers", "ports"))  # type: ignore[index]
    assert {"10.0.1.5", "10.0.1.6"} <= set(peers)
    assert 5432 in ports
    assert max(port for port in ports) < 32_768


def test_silence_is_in_the_totals_and_no_peer() -> None:
    world = World(estate(), 1)
    none = np.zeros(0, np.int64)
    nothing = world.minute(FIRST).records.take(none)
    silent = Portion(600, 660, nothing, np.array([world.directory.eni("eni-db")]), none)
    books = DeliveryLedger()
    books.add("fl-1", batch(silent, rows(world.directory)).about)
    document = written(books)
    assert document["totals"] == [["eni-db", "NODATA", 600, 1, 0, 0, 600, 659]]
    assert document["peers"] == document["ports"] == {}


def test_the_runs_of_a_batch_are_its_interfaces_one_after_the_other() -> None:
    (one,) = delivered("vpc-a", "VPC", 1)
    runs = list(one.runs())
    names = [eni for eni, _ in runs]
    assert len(set(names)) == len(names)
    assert sum(part.height for _, part in runs) == one.height
    for eni, part in runs:
        assert {line.split(" ")[2] for line in part["line"]} == {eni}


def test_empty_books_are_an_empty_ledger() -> None:
    assert ledger.from_json(DeliveryLedger().to_json(())).totals() == {}
