"""The verdicts on many flows at once: the template of each flow, with the records that interfaces write.

Flows of the same classes (`verdict.FlowClasses`) share one verdict and one template: the rows of each of
these flows, with placeholders for its own addresses and ports. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from connectors.vpc.decisions import PacketPath, Record
from connectors.vpc.estate import Estate
from connectors.vpc.network import EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import FlowClasses, conversation, late_answer
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.flows import Flows, Kind
from emulator.world.traffic.shapes import Ends, Shape, Shapes, Verdict
from emulator.world.traffic.templates import DESTINATION, SOURCE, Course, Templates

_PACKED_MAX = 1 << 62

Key = tuple[int, int, int, int, int, int, int, int]


class BulkVerdicts:
    """The verdicts on flows in one estate after another. Templates made before do not change."""

    def __init__(self, directory: Directory, estate: Estate) -> None:
        self.directory = directory
        self.templates = Templates()
        self._classes = FlowClasses(estate)
        self._established: list[frozenset[EniId]] = [frozenset()]
        self._start()

    def _start(self) -> None:
        """Forget every verdict."""
        self._known: dict[Key, int] = {}
        self._shapes = Shapes(self.directory, self._classes)
        self._by_shape: dict[Shape, Verdict] = {}
        self._class_of = np.zeros(0, np.int64)
        self._dense: dict[int, int] = {}
        self._ports = np.array(self._classes.port_classes, np.int64)

    def use(self, estate: Estate) -> Array | None:
        """Evaluate by this estate from now on; return which templates are affected, or None for all.

        If only rules of security groups have changed, verdicts on other groups' interfaces are kept.
        """
        before, classes, ports = self._classes.estate, self._address_classes(), self._ports
        known, by_shape = self._known, self._by_shape
        self._classes.use(estate)
        self._start()
        enis = _of_changed_groups(before, estate)
        if enis is None or not np.array_equal(ports, self._ports):
            return None
        if not np.array_equal(classes, self._address_classes()):
            return None
        affected = {self.directory.eni(one) for one in enis}
        templates = self.templates.passing(affected)
        self._known = {key: number for key, number in known.items() if not templates[number]}
        self._by_shape = {
            shape: verdict for shape, verdict in by_shape.items() if not verdict.passes(affected)
        }
        return templates

    def templates_of(self, flows: Flows, established: Array | None = None) -> Array:
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
            found[at] = self._template(tuple(key), flows, place) if known is None else known
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
        if len(self._class_of) != len(self.directory.addresses):
            more = []
            for place in range(len(self._class_of), len(self.directory.addresses)):
                address = self.directory.addresses[place]
                value = self._classes.address_class(address) if place else 0  # Number 0 is no address.
                more.append(self._dense.setdefault(value, len(self._dense)))
            self._class_of = np.concatenate([self._class_of, np.array(more, np.int64)])
        return self._class_of

    def _template(self, key: Key, flows: Flows, place: int) -> int:
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
        ends = self._shapes.ends(flow)
        is_refused = kind == Kind.REFUSED
        if is_refused:  # The network carries a flow that the host refuses: only the course differs.
            kind = Kind.ANSWERED
        shape = self._shapes.shape((*key[:-2], int(kind)), flow, ends, since)
        found = self._by_shape.get(shape)
        if found is None:
            found = self._by_shape[shape] = self._verdict(kind, flow, ends, since)
        course, rows, tracked = found.of(ends, self.directory)
        if is_refused and course == Course.FULL:
            course = Course.RESET
        number = self._known[key] = self.templates.add(Course(course), rows, tracked)
        return number

    def _verdict(self, kind: Kind, flow: Flow, ends: Ends, since: frozenset[EniId]) -> Verdict:
        course, paths, tracked = _course(self._classes.estate, kind, flow, since)
        places = {flow.srcaddr: SOURCE, flow.dstaddr: DESTINATION}
        rows = [self._row(record, places) for path in paths for record in path.records]
        return Verdict(int(course), rows, tracked, ends)

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


def _of_changed_groups(before: Estate, after: Estate) -> list[str] | None:
    """Return the interfaces in security groups whose rules differ, or None if anything else differs."""
    groups = after.resources.security_groups
    if replace(before.resources, security_groups=groups) != after.resources:
        return None
    changed = {one.group_id for one in {*groups} ^ {*before.resources.security_groups}}
    return [eni.interface_id for eni in after.resources.enis if not changed.isdisjoint(eni.groups)]


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
    return Course.FULL, paths, told.tracked


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
