"""The options that can change at run time: AWS's limits and injected faults, with their pages.

`GET` and `PUT /_vpcflow/limits` show and change the limits; `GET`, `PUT` and `DELETE /_vpcflow/faults` the
active rules, with the number of matches and strikes of each. A PUT replaces all earlier values and resets the
counters. An invalid document is refused with an error message and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from emulator.faults.rules import Faults, Plan
from emulator.http.messages import Incoming, Outgoing
from emulator.inspection import Page, as_json
from emulator.kinesis import limits
from emulator.kinesis.faults.faulty import FaultyService
from emulator.kinesis.limits import BadLimits, Throttle, ThrottleLimits
from emulator.kinesis.store import Store


@dataclass(frozen=True, slots=True)
class StartOptions:
    """The options of an emulator's start: limits, faults and the data folder.

    Without a data folder, all data is lost at the end of the process.
    """

    limits: ThrottleLimits = limits.OFF
    faults: Plan | None = None
    data_dir: Path | None = None


class RuntimeOptions:
    """The limits and faults of one store. `answerer` must answer its calls."""

    def __init__(self, store: Store, clock: Callable[[], int], start: StartOptions | None = None) -> None:
        self.answerer = FaultyService()
        self._store, self._clock = store, clock
        self._limits = limits.OFF
        if start is not None:
            self.set_limits(start.limits)
            self.set_faults(start.faults)

    def set_limits(self, wanted: ThrottleLimits) -> None:
        """Set the limits, and reset the token buckets."""
        self._limits = wanted
        self._store.throttle = Throttle(wanted) if wanted.enabled else None
        self._store.limits = replace(self._store.limits, as_aws=wanted.enabled)

    def set_faults(self, plan: Plan | None) -> None:
        """Set the fault rules; None removes them. Their seconds and calls are counted from now."""
        self.answerer.faults = Faults(plan, self._clock()) if plan is not None and plan.rules else None

    def pages(self) -> Mapping[str, Page]:
        """Return the handlers of the pages, by path."""
        return {"/_vpcflow/limits": self._limits_page, "/_vpcflow/faults": self._faults_page}

    def _limits_page(self, incoming: Incoming) -> Outgoing:
        if incoming.method == "PUT":
            try:
                self.set_limits(limits.apply(_document(incoming.body)))
            except (BadLimits, _BadDocument) as bad:
                return as_json({"message": str(bad)}, 400)
        elif incoming.method not in {"GET", "HEAD"}:
            return _not_allowed("GET, PUT")
        return as_json(self._limits.as_document())

    def _faults_page(self, incoming: Incoming) -> Outgoing:
        if incoming.method not in {"GET", "HEAD", "PUT", "DELETE"}:
            return _not_allowed("GET, PUT, DELETE")
        if incoming.method == "DELETE":
            self.set_faults(None)
        if incoming.method == "PUT":
            # Loaded with the first request, because pydantic takes a tenth of a second.
            from emulator.faults.documents import BadFaults, read

            try:
                self.set_faults(read(_document(incoming.body)))
            except (BadFaults, _BadDocument) as bad:
                return as_json({"message": str(bad)}, 400)
        return as_json(self._faults_shown())

    def _faults_shown(self) -> dict[str, object]:
        faults = self.answerer.faults
        if faults is None:
            return {"seed": 0, "rules": [], "counts": []}
        from emulator.faults.documents import as_document

        return {**as_document(faults.plan), "counts": faults.counts()}


class _BadDocument(ValueError):
    """A body is not JSON. The message has the place of the error."""


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except json.JSONDecodeError as error:  # The base class of orjson's error.
        raise _BadDocument(f"The body is not JSON: {error}.") from None


def _not_allowed(allowed: str) -> Outgoing:
    return Outgoing(
        405, {"Allow": allowed, "Content-Type": "text/plain"}, b"This page supports " + allowed.encode()
    )
