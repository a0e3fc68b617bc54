"""What the network makes of many flows at once: each flow's template, which says who notes what of it.

Flows that no rule, route or address tells apart share one verdict (`verdict.Verdicts`), and so one template:
the rows that each of them leaves, with places kept for its own addresses and ports. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

import numpy as np

from connectors.vpc.decisions import PacketPath, Record
from connectors.vpc.estate import Estate
from connectors.vpc.network import EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import Verdicts, conversation, late_answer
from emulator.world.traffic.chance import Array
from emulator.world.traffic.columns import Columns
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.flows import Flows, Kind

SOURCE, DESTINATION = -1, -2
"""Places for an address: the flow's own ends. Any other number is an address of the directory."""
_PACKED_MAX = 1 << 62

Key = tuple[int, int, int, int, int, int, int, int]


class Course(IntEnum):
    """The course of a flow. `TRIED`: retried until the client gives up. `RESET`: the host refuses."""

    FULL = 0
    TRIED = 1
    RESET = 2
    LATE = 3


@dataclass(frozen=True, slots=True)
class Steps(Columns):
    """One row for each interface on the way, one way: what of a flow log's record a verdict decides.

    `path` 0 is none, `eni` and `next_hop` are numbers of the directory.
    """

    is_response: Array
    eni: Array
    is_egress: Array
    is_reject: Array
    is_blocked: Array
    path: Array
    next_hop: Array
    src: Array
    dst: Array
    pkt_src: Array
    pkt_dst: Array

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Return steps of rows in the order of the fields."""
        table = np.array(rows, np.int64).reshape(-1, len(cls.__dataclass_fields__))
        return cls(*table.T.copy())


@dataclass(slots=True)
class Templates:
    """All templates so far, by number: `first` and `count` say which `steps` are whose."""

    first: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    course: list[int] = field(default_factory=list)
    tracked: list[frozenset[EniId]] = field(default_factory=list)
    _rows: list[tuple[int, ...]] = field(default_factory=list)
    _made: Steps = field(default_factory=lambda: Steps.of(()))

    def add(self, course: Course, rows: list[tuple[int, ...]], tracked: frozenset[EniId]) -> int:
        """Take a template in; return its number."""
        self.first.append(len(self._rows))
        self.count.append(len(rows))
        self.course.append(course)
        self.tracked.append(tracked)
        self._rows += rows
        return len(self.first) - 1

    def only(self, numbers: Sequence[int]) -> Templates:
        """Return some templates, numbered anew in this order."""
        some = Templates()
        for number in numbers:
            first = self.first[number]
            rows = self._rows[first : first + self.count[number]]
            some.add(Course(self.course[number]), rows, self.tracked[number])
        return some

    @property
    def steps(self) -> Steps:
        """The steps of all templates, one after the other."""
        if len(self._made) != len(self._rows):
            self._made = Steps.joined([self._made, Steps.of(self._rows[len(self._made) :])])
        return self._made


class Judge:
    """Judges flows in one estate after another; templates made before stay what they were."""

    def __init__(self, directory: Directory, estate: Estate) -> None:
        self.directory = directory
        self.templates = Templates()
        self._verdicts = Verdicts(estate)
        self._established: list[frozenset[EniId]] = [frozenset()]
        self.use(estate)

    def use(self, estate: Estate) -> None:
        """Judge by this estate from now on."""
        self._verdicts.use(estate)
        self._known: dict[Key, int] = {}
        self._classes: list[int] = []
        self._dense: dict[int, int] = {}
        self._ports = np.array(self._verdicts.port_classes, np.int64)

    def judged(self, flows: Flows, established: Array | None = None) -> Array:
        """Return the number of each flow's template; `established` are places that `remember` returned."""
        if not len(flows):
            return np.zeros(0, np.int64)
        classes = self._address_classes()
        since = np.zeros(len(flows), np.int64) if established is None else established
        columns = (
            *(flows.origin, classes[flows.src], classes[flows.dst], flows.protocol),
            *(self._ports[flows.srcport], self._ports[flows.dstport], flows.kind, since),
        )
        _, places, inverse = np.unique(_packed(columns), return_index=True, return_inverse=True)
        keys = np.stack([column[places] for column in columns], axis=1).tolist()
        found = np.empty(len(places), np.int64)
        for at, (key, place) in enumerate(zip(keys, places.tolist(), strict=True)):
            known = self._known.get(tuple(key))
            found[at] = self._judge(tuple(key), flows, place) if known is None else known
        answer: Array = found[inverse.reshape(-1)]
        return answer

    def forget_all_but(self, templates: Array) -> Array:
        """Forget what no flow goes by any more; return the new numbers of these templates."""
        kept, inverse = np.unique(templates, return_inverse=True)
        numbers = {old: new for new, old in enumerate(kept.tolist())}
        self.templates = self.templates.only(kept.tolist())
        lasting = {key: old for key, old in self._known.items() if old in numbers and not key[-1]}
        self._known = {key: numbers[old] for key, old in lasting.items()}
        self._established = self._established[:1]
        answer: Array = inverse.reshape(-1).astype(np.int64)
        return answer

    def remember(self, templates: Array) -> Array:
        """Return for each template where the interfaces that track its flows are remembered; 0 is none."""
        distinct, inverse = np.unique(templates, return_inverse=True)
        places = []
        for template in distinct.tolist():
            tracked = self.templates.tracked[template]
            if tracked not in self._established:
                self._established.append(tracked)
            places.append(self._established.index(tracked))
        answer: Array = np.array(places, np.int64)[inverse.reshape(-1)]
        return answer

    def _address_classes(self) -> Array:
        """Return the class of every address of the directory, as small numbers, so that keys pack well."""
        for address in self.directory.addresses[len(self._classes) :]:
            value = self._verdicts.address_class(address) if self._classes else 0  # number 0 is no address
            self._classes.append(self._dense.setdefault(value, len(self._dense)))
        return np.array(self._classes, np.int64)

    def _judge(self, key: Key, flows: Flows, place: int) -> int:
        kind = Kind(int(flows.kind[place]))
        origin, src, dst = int(flows.origin[place]), int(flows.src[place]), int(flows.dst[place])
        flow = Flow(
            origin=self.directory.enis[origin].interface_id if origin else "",
            srcaddr=self.directory.addresses[src],
            dstaddr=self.directory.addresses[dst],
            protocol=int(flows.protocol[place]),
            srcport=int(flows.srcport[place]),
            dstport=int(flows.dstport[place]),
            is_answered=kind != Kind.UNANSWERED,
        )
        since = self._established[key[-1]]
        course, paths, tracked = _course(self._verdicts.estate, kind, flow, since)
        ends = {flow.srcaddr: SOURCE, flow.dstaddr: DESTINATION}
        rows = [self._row(record, ends) for path in paths for record in path.records]
        number = self._known[key] = self.templates.add(course, rows, tracked)
        return number

    def _row(self, record: Record, ends: dict[str, int]) -> tuple[int, ...]:
        def place(address: str) -> int:
            return ends[address] if address in ends else self.directory.address(address)

        return (
            int(record.leg == "response"),
            self.directory.eni(record.interface_id),
            int(record.flow_direction == "egress"),
            int(record.action == "REJECT"),
            int(record.reject_reason == "BPA"),
            record.traffic_path or 0,
            self.directory.eni(record.next_hop_interface_id or ""),
            *(place(record.srcaddr), place(record.dstaddr)),
            *(place(record.pkt_srcaddr), place(record.pkt_dstaddr)),
        )


def _course(
    estate: Estate, kind: Kind, flow: Flow, established: frozenset[EniId]
) -> tuple[Course, list[PacketPath], frozenset[EniId]]:
    if kind == Kind.LATE:
        late = late_answer(estate, flow)
        return Course.LATE, [late] if late else [], frozenset()
    told = conversation(estate, flow, established)
    paths = [told.request, *([told.response] if told.response else [])]
    if kind == Kind.UNANSWERED or not told.succeeded:
        return Course.TRIED, paths, told.tracked
    return Course.RESET if kind == Kind.REFUSED else Course.FULL, paths, told.tracked


def _packed(columns: Sequence[Array]) -> Array:
    """Return one number for each row, equal for equal rows only."""
    packed, size = columns[0], int(columns[0].max()) + 1
    for column in columns[1:]:
        width = int(column.max()) + 1
        if size * width > _PACKED_MAX:
            distinct, packed = np.unique(packed, return_inverse=True)
            packed, size = packed.reshape(-1), len(distinct)
        packed, size = packed * width + column, size * width
    return packed
