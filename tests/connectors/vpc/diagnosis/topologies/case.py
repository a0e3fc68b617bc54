"""One question about a topology, the documented answer, and the page that documents it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.connectors.vpc.diagnosis.lab import Lab

CODES = "Reachability Analyzer guide, Explanation codes"


@dataclass(frozen=True)
class Case:
    """`ask` is `source destination [protocol] [port]`, with the names of the lab.

    A cause is written `forward SUBNET_ACL_RESTRICTION acl-x 100`; the rule may be missing. `path` are
    components that the path must contain in this order. No causes: reachable.
    """

    name: str
    source: str
    ask: str
    causes: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Topology:
    """A network and the questions about it."""

    name: str
    build: Callable[[Lab], None]
    cases: tuple[Case, ...]
