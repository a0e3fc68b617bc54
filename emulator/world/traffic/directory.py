"""The directory of the numbers in columns: interfaces and addresses, each with a permanent number.

Number 0 stands for a missing value (`-` in a line). A changed estate only adds numbers: earlier columns stay
valid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

from connectors.vpc.addresses import Cidr, cidr, is_ipv6, number_of
from connectors.vpc.aws_ranges import AWS_RANGES
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, SubnetId, VpcId
from emulator.world.traffic.chance import Array

NOTHING = "-"
_NO_ENI = Eni(EniId(NOTHING), SubnetId(NOTHING), VpcId(NOTHING))


class Directory:
    """Interfaces (`enis`) and addresses (`addresses`, with `aws_services` beside them), each by number."""

    def __init__(self, estate: Estate, aws_ranges: Iterable[tuple[str, str]] = AWS_RANGES) -> None:
        ranges = [(cidr(block), service) for block, service in aws_ranges]
        # A finer code beats the catch-all `AMAZON` (as in ip-ranges.json), and a longer prefix a shorter one.
        ranges.sort(key=lambda one: (one[1] != "AMAZON", one[0].length, one[1]), reverse=True)
        # Between two borders every address is of the same service.
        self._borders = sorted({0}.union(*((block.first, block.last + 1) for block, _ in ranges)))
        self._services = [_service(ranges, border) for border in self._borders]
        self.enis: list[Eni] = [_NO_ENI]
        self.addresses: list[str] = [NOTHING]
        self.aws_services: list[str] = [NOTHING]
        self._v6 = [False]
        self._enis: dict[str, int] = {}
        self._addresses: dict[str, int] = {}
        self.use(estate)

    def use(self, estate: Estate) -> None:
        """Note what is new in an estate, and what has changed about known interfaces."""
        self.estate = estate
        for interface_id in sorted(estate.enis):
            eni = estate.enis[interface_id]
            at = self._enis.setdefault(interface_id, len(self.enis))
            self.enis[at : at + 1] = [eni]
            for address in (*eni.addresses, *(public for _, public in eni.public_ips)):
                self.address(address)

    def eni(self, interface_id: str) -> int:
        """Return an interface's number; 0 for one that is not there."""
        return self._enis.get(interface_id, 0)

    def address(self, text: str) -> int:
        """Return an address's number, a new one for a new address."""
        at = self._addresses.get(text)
        if at is None:
            at = self._addresses[text] = len(self.addresses)
            self.addresses.append(text)
            self.aws_services.append(self._aws_service(text))
            self._v6.append(is_ipv6(text))
        return at

    def is_ipv6(self, addresses: Array) -> Array:
        """Return which of some addresses are IPv6."""
        table: Array = np.array(self._v6, np.bool_)
        return table[addresses]

    def _aws_service(self, text: str) -> str:
        return self._services[bisect_right(self._borders, number_of(text)) - 1]


def _service(ranges: Sequence[tuple[Cidr, str]], number: int) -> str:
    """Return the service of the first range that an address is in."""
    return next((service for block, service in ranges if number in block), NOTHING)
