"""The traffic profiles of services: rate, size, duration, and the distribution over the day and the week.

A profile gives the typical values; the distribution around them is heavy-tailed (`services`). The figures
are our choice, in the range that studies of data centres report (most flows are mice of a few kilobytes and
under a second; most bytes are in a few elephants), not AWS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.vpc.network import ICMP, TCP, UDP

Shape = Literal["office", "flat", "night"]

# Thousandths of the mean, for each hour in UTC; between them it goes straight.
_HOURS: dict[Shape, tuple[int, ...]] = {
    "office": (
        *(350, 280, 240, 230, 250, 330, 520, 800, 1150, 1450, 1600, 1650),
        *(1600, 1620, 1650, 1630, 1580, 1500, 1400, 1300, 1150, 950, 720, 500),
    ),
    "flat": (1000,) * 24,
    "night": (0, 2500, 6000, 6000, 4000, 1500) + (100,) * 18,
}
_DAYS: dict[Shape, tuple[int, ...]] = {  # Monday first
    "office": (1050, 1100, 1100, 1080, 1000, 620, 550),
    "flat": (1000,) * 7,
    "night": (1000,) * 7,
}
SHAPES: tuple[Shape, ...] = ("office", "flat", "night")


def level(shape: Shape, epoch_s: int) -> int:
    """Return the level at a moment, in thousandths of the mean."""
    days, second = divmod(epoch_s, 86_400)
    hour, within = divmod(second, 3600)
    hours = _HOURS[shape]
    now = hours[hour] + (hours[(hour + 1) % 24] - hours[hour]) * within // 3600
    return now * _DAYS[shape][(days + 3) % 7] // 1000  # 1 January 1970 was a Thursday


@dataclass(frozen=True, slots=True)
class Profile:
    """The traffic of one kind of service. Payloads are bytes, `flows` is 0.001 flows a minute per edge.

    The answer's size may double up to `octaves` times, and the duration up to `lasting` times.
    """

    name: str
    flows: int
    request: int = 400
    answer: int = 3000
    octaves: int = 12
    ms: int = 40
    lasting: int = 6
    protocol: int = TCP
    shape: Shape = "office"
    tries: int = 5

    @property
    def is_noise(self) -> bool:
        """Return whether the clients are scanners from the internet."""
        return self.name == "noise"


WEB = Profile("web", 3000, 700, 6000, ms=120)
TIER = Profile("tier", 900, 600, 2500, ms=60)
DATABASE = Profile("database", 300, 4000, 12_000, ms=30_000, lasting=7)
CACHE = Profile("cache", 250, 9000, 9000, 6, ms=60_000, lasting=6)
HEALTH = Profile("health", 1000, 130, 220, 0, 4, 0, shape="flat", tries=2)
ADMIN = Profile("admin", 30, 4000, 9000, 6, 90_000, 4)
BATCH = Profile("batch", 15, 20_000, 30_000_000, 6, 120_000, 4, shape="night")
EGRESS = Profile("egress", 300, 900, 5000, ms=200)
DNS = Profile("dns", 100, 45, 120, 0, 0, 0, UDP, tries=2)
NTP = Profile("ntp", 58, 48, 48, 0, 0, 0, UDP, "flat", 1)
DATAGRAMS = Profile("datagrams", 600, 180, 300, 3, 200, 3, UDP, tries=3)
PING = Profile("ping", 250, 56, 56, 0, 4000, 0, ICMP, "flat", 5)
NOISE = Profile("noise", 1500, 0, 0, 0, 0, 0, shape="flat", tries=1)
NOISE_UDP = Profile("noise", 300, 60, 0, 0, 0, 0, UDP, "flat", 1)
NOISE_ICMP = Profile("noise", 200, 8, 8, 0, 0, 0, ICMP, "flat", 1)

SCANNED_PORTS = (22, 23, 25, 80, 443, 445, 1433, 2375, 3306, 3389, 5060, 5432, 5900, 6379, 8080, 8443, 9200)
_BY_PORT = (
    dict.fromkeys((1433, 1521, 3306, 5432, 5439, 27017), DATABASE)
    | dict.fromkeys((6379, 6380, 11211), CACHE)
    | dict.fromkeys((22, 3389), ADMIN)
)


def of_port(protocol: int, port: int, is_public: bool) -> Profile:
    """Return the profile of the service on a port; `is_public`: its clients are on the internet."""
    if protocol == UDP:
        return {53: DNS, 123: NTP}.get(port, DATAGRAMS)
    if protocol != TCP:
        return PING
    return _BY_PORT.get(port, WEB if is_public else TIER)
