"""One end of a diagnosed connection, and the errors for an end that cannot be resolved."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import Cidr
from connectors.vpc.diagnosis.account.inventory import Database, LoadBalancer
from connectors.vpc.network import Eni


class UnknownEnd(Exception):
    """The error for an end that cannot be resolved. The message is one sentence."""


class UnknownName(UnknownEnd):
    """The error for a name that no resource has. The services may have to be read first."""


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """An end. `enis` are the interfaces that it can be, the primary one first; none is the internet.

    `address` is the address that the user typed, or empty. `blocks` are those of a subnet. `causes` are
    (code, component, sentence) of a resource that has no interface any more. `port` is its own port, or 0.
    """

    name: str
    kind: str
    enis: tuple[Eni, ...] = ()
    address: str = ""
    load_balancer: LoadBalancer | None = None
    database: Database | None = None
    causes: tuple[tuple[str, str, str], ...] = ()
    blocks: tuple[Cidr, ...] = ()
    port: int = 0

    @property
    def is_internet(self) -> bool:
        """Return whether the end is outside the estate."""
        return not self.enis and not self.causes
