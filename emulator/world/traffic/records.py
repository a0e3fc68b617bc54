"""The records of all interfaces for the flows of one minute: rows of numbers, one for each line. Pure.

A flow's packets and bytes are spread over its minutes so that their sums are exact for every division into
minutes. All arithmetic is on integers. `Directory` maps the numbers to interfaces and addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.vpc.network import TCP
from emulator.world.traffic.chance import Array, mixed
from emulator.world.traffic.columns import Columns
from emulator.world.traffic.flows import Ending, Flows
from emulator.world.traffic.templates import DESTINATION, SOURCE, Course, Templates

MINUTE_S = 60
FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
_TRIED_S = np.array([0, 0, 1, 3, 7, 15, 31, 31], np.int64)
"""How long so many tries take: each waits twice as long as the last (RFC 6298, section 5.5)."""
_RESET_BYTES = 40
_IDENTITY = (
    *("eni", "is_egress", "is_reject", "src", "dst", "pkt_src", "pkt_dst"),
    *("srcport", "dstport", "protocol"),
)
_JOINED = {
    "packets": np.add,
    "bytes": np.add,
    "start": np.minimum,
    "end": np.maximum,
    "flags": np.bitwise_or,
}


@dataclass(frozen=True, slots=True)
class Alive(Columns):
    """Flows under way, as the network lets them go on: each with the number of its template.

    `packets` and `bytes` are what is sent from `start` to `end` each way, given how the flow fares;
    `is_opened`: its first packet is the SYN.
    """

    template: Array
    origin: Array
    src: Array
    dst: Array
    protocol: Array
    srcport: Array
    dstport: Array
    start: Array
    end: Array
    packets: Array
    bytes: Array
    packets_back: Array
    bytes_back: Array
    ending: Array
    is_opened: Array


@dataclass(frozen=True, slots=True)
class Records(Columns):
    """The records of one minute. `eni`, `next_hop` and the four addresses are numbers of the directory.

    `path` 0 is none; `is_blocked` is the reject reason BPA.
    """

    eni: Array
    is_egress: Array
    is_reject: Array
    is_blocked: Array
    src: Array
    dst: Array
    pkt_src: Array
    pkt_dst: Array
    srcport: Array
    dstport: Array
    protocol: Array
    packets: Array
    bytes: Array
    start: Array
    end: Array
    flags: Array
    path: Array
    next_hop: Array


def alive(flows: Flows, template: Array, templates: Templates) -> Alive:
    """Return the course of flows. A flow that is rejected or not answered has a few retries."""
    course = templates.course[template]
    is_full, is_tried = course == Course.FULL, course == Course.TRIED
    tries = np.where(is_tried, flows.tries, 1)
    lasts = np.where(is_tried, _TRIED_S[np.minimum(tries, len(_TRIED_S) - 1)], 0)
    is_long = is_full & (np.minimum(flows.packets, flows.packets_back) > 1)
    is_tcp = flows.protocol == TCP
    # A SYN has 60 bytes at most of what is usual, a stranger's bare one 40; a datagram is one of the flow's.
    syn = np.where(flows.bytes < 60 * flows.packets, 40, 60)
    one = np.where(is_tcp, syn, flows.bytes // np.maximum(flows.packets, 1))
    answer = np.where(course == Course.RESET, _RESET_BYTES, one)
    return Alive(
        template=template,
        origin=flows.origin,
        src=flows.src,
        dst=flows.dst,
        protocol=flows.protocol,
        srcport=flows.srcport,
        dstport=flows.dstport,
        start=flows.start,
        end=np.where(is_long, flows.end, flows.start + lasts),
        packets=np.where(is_full, flows.packets, tries),
        bytes=np.where(is_full, flows.bytes, tries * one),
        packets_back=np.where(is_full, flows.packets_back, tries),
        bytes_back=np.where(is_full, flows.bytes_back, tries * answer),
        ending=flows.ending,
        is_opened=course != Course.LATE,
    )


def records(flows: Alive, templates: Templates, minute: int) -> Records:
    """Return what is noted of some flows in a minute (whole ones since the epoch), ordered by interface."""
    begins = minute * MINUTE_S
    counts = templates.count[flows.template]
    of = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    step = templates.steps.take(templates.first[flows.template][of] + nth)
    there = _sent(flows.start, flows.end, flows.packets, flows.bytes, begins)
    back = _sent(flows.start, flows.end, flows.packets_back, flows.bytes_back, begins)
    is_back = step.is_response == 1
    packets = np.where(is_back, back[0][of], there[0][of])
    # One sort by interface; within one, the order is that of the flows.
    kept = np.flatnonzero(packets > 0)
    order = kept[_by_interface(step.eni[kept])]
    step, of, is_back, packets = step.take(order), of[order], is_back[order], packets[order]
    src, dst = flows.src[of], flows.dst[of]
    srcport, dstport = flows.srcport[of], flows.dstport[of]
    course = templates.course[flows.template]
    flags = _flags(flows, course, begins)
    return Records(
        eni=step.eni,
        is_egress=step.is_egress,
        is_reject=step.is_reject,
        is_blocked=step.is_blocked,
        src=_placed(step.src, src, dst),
        dst=_placed(step.dst, src, dst),
        pkt_src=_placed(step.pkt_src, src, dst),
        pkt_dst=_placed(step.pkt_dst, src, dst),
        srcport=np.where(is_back, dstport, srcport),
        dstport=np.where(is_back, srcport, dstport),
        protocol=flows.protocol[of],
        packets=packets,
        bytes=np.where(is_back, back[1][of], there[1][of]),
        start=np.maximum(flows.start, begins)[of],
        end=np.minimum(flows.end, begins + MINUTE_S - 1)[of],
        flags=np.where(is_back, flags[1][of], flags[0][of]),
        path=step.path,
        next_hop=step.next_hop,
    )


def merged(found: Records) -> Records:
    """Return one record for what is one direction of one 5-tuple at one interface, with one action.

    Clients use a port again now and then, and pings have none. It also makes one interval's records of ten
    minutes'.
    """
    key = np.zeros(len(found), np.uint64)
    for name in _IDENTITY:
        key = mixed(key + getattr(found, name).astype(np.uint64))
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    if len(first) == len(key):
        return found
    inverse = inverse.reshape(-1)
    again = np.ones(len(key), np.bool_)
    again[first] = False
    more, into = np.flatnonzero(again), first[inverse[again]]
    for name, join in _JOINED.items():
        column = getattr(found, name)
        join.at(column, into, column[more])
    rest = np.flatnonzero(~again)
    return found.take(rest[_by_interface(found.eni[rest])])


def _by_interface(eni: Array) -> Array:
    """Return the order by interface. NumPy sorts 16-bit numbers by radix, several times faster."""
    small = eni.astype(np.uint16) if not len(eni) or int(eni.max()) < 1 << 16 else eni
    return np.argsort(small, kind="stable")


def _sent(start: Array, end: Array, packets: Array, volume: Array, begins: int) -> tuple[Array, Array]:
    """Return the packets and bytes of each flow in a minute."""

    def until(moment: int) -> Array:
        # The first packet at the start, the last at the end, the others evenly between.
        within = np.clip(moment - start, 0, end - start)
        by_then = 1 + (packets - 2) * within // np.maximum(end - start, 1)
        return np.where(moment > end, packets, np.where(moment <= start, 0, np.minimum(by_then, packets)))

    before, after = until(begins), until(begins + MINUTE_S)
    each = np.maximum(packets, 1)
    return after - before, volume * after // each - volume * before // each


def _flags(flows: Alive, course: Array, begins: int) -> tuple[Array, Array]:
    """Return `tcp-flags` each way: SYN where it began in the minute, FIN or RST where it ended.

    What is tried again is the SYN, in every minute; a packet that is alone is the SYN, and ends nothing.
    """
    is_full, is_reset, is_late = course == Course.FULL, course == Course.RESET, course == Course.LATE
    is_first = (flows.start >= begins) | (course == Course.TRIED)
    is_syn = is_first & (flows.is_opened == 1)
    is_last = (flows.end < begins + MINUTE_S) & is_full
    there = np.where(is_syn, SYN, 0)
    last = np.where(flows.ending == Ending.CLIENT_RESET, RST, FIN)
    there |= np.where(is_last & (flows.packets > 1), last, 0)
    back = np.where(is_syn & ~is_reset, SYN_ACK, 0)
    last = np.where(flows.ending == Ending.SERVER_RESET, RST, FIN)
    back |= np.where(is_last & (flows.packets_back > 1), last, 0)
    back |= np.where(is_reset, RST, 0) | np.where(is_late, FIN, 0)
    is_tcp = flows.protocol == TCP
    return np.where(is_tcp, there, 0), np.where(is_tcp, back, 0)


def _placed(place: Array, src: Array, dst: Array) -> Array:
    return np.where(place == SOURCE, src, np.where(place == DESTINATION, dst, place))
