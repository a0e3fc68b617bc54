"""The regular traffic of an estate: the flows that begin in one minute, drawn from a seed.

`Services.flows(minute)` depends only on the seed, the estate's edges and the minute, not on earlier calls.
Sizes and durations have Pareto tails, rates follow the hour and the day of the week, some servers are far
more popular than others. This module does not decide whether a packet passes; see `records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, ICMPV6, TCP, UDP
from emulator.world.traffic.chance import (
    Array,
    below,
    bits,
    mixed,
    mixed_number,
    octave,
    skewed,
    stretched,
    tail,
)
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.edges import Edge, edges
from emulator.world.traffic.flows import Ending, Flows, Kind
from emulator.world.traffic.profiles import SCANNED_PORTS, SHAPES, level

MINUTE_S = 60
LASTS_MAX_S = 3600
MTU = 1500  # bytes of a full packet on the way to the internet, headers counted
_SIZES = tail(7, 4, 20, 32)
_TIMES = tail(1, 1, 12, 16)
_SCANNED = np.array(SCANNED_PORTS, np.int64)
_POPULAR = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 7, 10, 14, 20], np.int64)
_MS_PER_BYTES = 15  # a bulk transfer runs at 2**15 bytes a millisecond, a quarter of a gigabit a second
_LATE_EVERY, _REFUSED_EVERY = 300, 400
_CLIENT_PORTS, _CLIENT_PORTS_BEGIN = 28_232, 32_768  # Linux's ephemeral range


class Services:
    """The regular traffic of an estate. `busy` scales the rates, in percent: 200 makes twice the flows.

    `busy_thousandths` is the same in thousandths of a percent, and may be set between minutes.
    """

    def __init__(
        self, directory: Directory, estate: Estate, seed: int, busy: int = 100, more: Sequence[Edge] = ()
    ) -> None:
        found = list(dict.fromkeys([*edges(estate), *more]))
        self.edges = found
        self.directory = directory
        self._key = np.array([mixed_number(seed, edge.key) for edge in found], np.uint64)
        self._origin = np.array([directory.eni(edge.origin) for edge in found], np.int64)
        self._pool, self._src, self._dst = self._pools(found)
        v6 = directory.is_ipv6(self._pool[self._src[:, 0]]) if found else np.zeros(0, np.bool_)
        self._port = np.array([edge.port for edge in found], np.int64)
        self._read_profiles(found, v6)
        popular = _POPULAR[bits(self._key, 0) & 15]
        is_even = self._is_steady | self._is_noise
        self._rate *= np.where(is_even, 1, popular)
        self.busy_thousandths = busy * 1000
        listening = {(a, e.port) for e in found for a in e.destinations if not e.profile.is_noise}
        self._listening = np.array(
            sorted(directory.address(address) << 16 | port for address, port in listening), np.int64
        )

    def flows(self, minute: int) -> Flows:
        """Return the flows that begin in a minute (whole minutes since the epoch), ordered by edge.

        The late packets of connections that begin in it may be sent some minutes after.
        """
        draw = mixed(self._key ^ np.uint64(mixed_number(minute)))
        counts = self._counts(minute, draw)
        edge = np.repeat(np.arange(len(counts)), counts)
        nth = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = mixed(draw[edge] + nth.astype(np.uint64))
        second = mixed(first)
        made = self._drawn(minute, edge, first, second, mixed(second))
        return self._with_late(made, first)

    def _counts(self, minute: int, draw: Array) -> Array:
        levels = np.array([level(shape, minute * MINUTE_S) for shape in SHAPES], np.int64)
        # In thousandths of thousandths of percents, and by chance between a half and one and a half of it.
        busy = np.where(self._is_noise, 100_000, self.busy_thousandths)
        mean = self._rate * levels[self._shape] * busy // 1_000_000
        mean = np.where(self._is_steady, mean, mean * (32_768 + bits(draw, 1)) >> 16)
        counts: Array = (mean + bits(draw, 2) * 100_000 // 65_536) // 100_000
        return counts

    def _drawn(self, minute: int, edge: Array, first: Array, second: Array, third: Array) -> Flows:
        protocol = self._protocol[edge]
        is_icmp = (protocol == ICMP) | (protocol == ICMPV6)
        src = self._end(self._src[edge], bits(first, 2), bits(first, 3))
        dst = self._end(self._dst[edge], bits(third, 2), bits(third, 3))
        port = self._port[edge]
        is_noise = self._is_noise[edge]
        port = np.where(is_noise, _SCANNED[below(bits(third, 1), len(_SCANNED))], port)
        times = octave(bits(third, 0), _TIMES)
        volume = stretched(
            self._answer[edge],
            np.minimum(
                octave((second & np.uint64(0xFFFFFFFF)).astype(np.int64), _SIZES), self._octaves[edge]
            ),
            bits(second, 2),
        )
        asked = self._request[edge] + below(bits(second, 3), self._request[edge])
        start_ms = below(bits(first, 0), MINUTE_S * 1000)
        lasts = stretched(self._ms[edge], np.minimum(times, self._lasting[edge]), bits(third, 1))
        lasts = np.minimum(lasts + (volume >> _MS_PER_BYTES), LASTS_MAX_S * 1000)
        start = minute * MINUTE_S + start_ms // 1000
        sent = _volumes(protocol, self._header[edge], asked, volume, lasts)
        one_packet = np.minimum(sent[0], sent[2]) < 2
        return Flows(
            kind=self._kinds(protocol, is_noise, (dst, port), bits(third, 2)),
            origin=self._origin[edge],
            src=src,
            dst=dst,
            protocol=protocol,
            srcport=np.where(is_icmp, 0, _CLIENT_PORTS_BEGIN + below(bits(first, 1), _CLIENT_PORTS)),
            dstport=np.where(is_icmp, 0, port),
            start=start,
            end=np.where(one_packet, start, minute * MINUTE_S + (start_ms + lasts) // 1000),
            packets=sent[0],
            bytes=sent[1],
            packets_back=sent[2],
            bytes_back=sent[3],
            ending=_endings(bits(second, 3), is_noise),
            tries=self._tries[edge],
        )

    def _end(self, pools: Array, first: Array, second: Array) -> Array:
        ends: Array = self._pool[pools[:, 0] + skewed(first, second, pools[:, 1])]
        return ends

    def _kinds(self, protocol: Array, is_noise: Array, to: tuple[Array, Array], chance: Array) -> Array:
        """Return the kind of each flow: probes of closed ports are refused, and so is a rare regular request.

        Only TCP refuses. A datagram to a closed port causes an ICMP error, which does not count as an answer.
        """
        refused = np.where(protocol == TCP, int(Kind.REFUSED), int(Kind.UNANSWERED))
        unheard = chance % _REFUSED_EVERY == 0
        probes = np.flatnonzero(is_noise & ((protocol == TCP) | (protocol == UDP)))
        places = to[0][probes] << 16 | to[1][probes]
        unheard[probes] = (protocol[probes] == UDP) | ~np.isin(places, self._listening)
        return np.where(unheard, refused, int(Kind.ANSWERED))

    def _with_late(self, made: Flows, chance: Array) -> Flows:
        """Add the packets that some servers send after their connection is no longer tracked."""
        some = (made.protocol == TCP) & (made.kind == Kind.ANSWERED) & (bits(chance, 1) % _LATE_EVERY == 0)
        late = made.take(np.flatnonzero(some))
        late.kind[:] = Kind.LATE
        late.start[:] = late.end + 5 + bits(chance, 3)[some] % 90
        late.end[:] = late.start
        return Flows.joined([made, late])

    def _pools(self, found: Sequence[Edge]) -> tuple[Array, Array, Array]:
        """Return the pools' addresses, once for each pool, and the places of each edge's two pools there."""
        places: dict[tuple[str, ...], tuple[int, int]] = {}
        numbers: list[int] = []
        for pool in (pool for edge in found for pool in (edge.sources, edge.destinations)):
            if pool not in places:
                places[pool] = (len(numbers), len(pool))
                numbers += [self.directory.address(address) for address in pool]
        src = np.array([places[edge.sources] for edge in found], np.int64).reshape(-1, 2)
        dst = np.array([places[edge.destinations] for edge in found], np.int64).reshape(-1, 2)
        return np.array(numbers, np.int64), src, dst

    def _read_profiles(self, found: Sequence[Edge], is_v6: Array) -> None:
        profiles = [edge.profile for edge in found]

        def column(values: Iterable[int]) -> Array:
            return np.fromiter(values, np.int64, len(profiles))

        self._rate = column(one.flows for one in profiles)
        self._request, self._answer = (
            column(one.request for one in profiles),
            column(one.answer for one in profiles),
        )
        self._octaves, self._tries = (
            column(one.octaves for one in profiles),
            column(one.tries for one in profiles),
        )
        self._ms, self._lasting = column(one.ms for one in profiles), column(one.lasting for one in profiles)
        self._is_noise = column(one.is_noise for one in profiles).astype(np.bool_)
        self._is_steady = np.array([edge.profile.name == "health" for edge in found], np.bool_)
        self._shape = np.array([SHAPES.index(edge.profile.shape) for edge in found], np.int64)
        protocol = column(one.protocol for one in profiles)
        self._protocol = np.where(is_v6 & (protocol == ICMP), ICMPV6, protocol)
        # IPv4 with TCP and its timestamps, with UDP or with ICMP; IPv6's header is 20 bytes longer.
        self._header = np.where(protocol == TCP, 52, 28) + np.where(is_v6, 20, 0)


def _volumes(
    protocol: Array, header: Array, asked: Array, volume: Array, lasts: Array
) -> tuple[Array, Array, Array, Array]:
    """Return packets and bytes of both directions: payloads, handshake, acknowledgements, headers."""
    segment = MTU - header
    answers = volume // segment + 1
    # A connection that is kept says something every few seconds.
    kept = lasts // 8000
    there, back = asked // segment + 3 + (answers + 1) // 2 + kept, answers + 2 + kept
    is_tcp, pings = protocol == TCP, 1 + lasts // 1000
    count = np.where(protocol == UDP, 1 + volume // 16_384, pings)
    there, back = np.where(is_tcp, there, count), np.where(is_tcp, back, count)
    syn = np.where(is_tcp, 8, 0)  # a SYN has eight bytes more of options
    up, down = np.where(is_tcp, asked, count * asked), np.where(is_tcp, volume, count * volume)
    return there, up + there * header + syn, back, down + back * header + syn


def _endings(chance: Array, is_noise: Array) -> Array:
    """Return how connections end: most by FIN; a scanner resets the connection that it got."""
    odd = np.where(chance % 16 == 0, int(Ending.CLIENT_RESET), int(Ending.FIN))
    odd = np.where(chance % 16 == 1, int(Ending.SERVER_RESET), odd)
    return np.where(is_noise, int(Ending.CLIENT_RESET), odd)
