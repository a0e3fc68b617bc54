"""The thresholds of Python's cyclic garbage collector for a process that parses in bulk.

The default starts a search for cycles every 700 new objects. A GetRecords answer has tens of thousands of
objects without cycles: the searches cost 15 % of the CPU time of `connect`, and a sixth of that of `work`.
"""

from __future__ import annotations

import gc

OBJECTS = 50_000
"""New objects that are alive, for each search: some MB."""

OLDER, OLDEST = 20, 50
"""Searches of the young objects for each search of older ones, and of these for each of the oldest."""


def collect_rarely(objects: int = OBJECTS) -> None:
    """Search for cycles only after so many new objects, and never among those that exist now."""
    gc.freeze()
    gc.set_threshold(objects, OLDER, OLDEST)
