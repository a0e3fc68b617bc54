"""How this emulator was asked to behave beside playing AWS plainly: its limits, its faults, and their pages.

`GET` and `PUT /_vpcflow/limits` show and change what is limited; `GET`, `PUT`, `DELETE /_vpcflow/faults` the
rules in force, with how often each matched and struck. What is put replaces what was there, and begins anew.
A change that is wrong is answered with one sentence, and changes nothing.
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
    """What is asked of an emulator at its start: the flags of `vpcflow emulate` target how, not where.

    Without a folder nothing is kept beyond the end of the process.
    """

    limits: ThrottleLimits = limits.OFF
    faults: Plan | None = None
    data_dir: Path | None = None


class RuntimeOptions:
    """The limits and faults of one store. `answerer` is to answer its calls."""

    def __init__(self, store: Store, clock: Callable[[], int], asked: StartOptions | None = None) -> None:
        self.answerer = FaultyService()
        self._store, self._clock = store, clock
        self._limits = limits.OFF
        if asked is not None:
            self.set_limits(asked.limits)
            self.set_faults(asked.faults)

    def set_limits(self, wanted: ThrottleLimits) -> None:
        """Limit from now on as wanted; what was used before is forgotten."""
        self._limits = wanted
        self._store.throttle = Throttle(wanted) if wanted.enabled else None
        self._store.limits = replace(self._store.limits, as_aws=wanted.enabled)

    def set_faults(self, plan: Plan | None) -> None:
        """Put rules in force, or none; their seconds and calls are counted from now."""
        self.answerer.faults = Faults(plan, self._clock()) if plan is not None and plan.rules else None

    def pages(self) -> Mapping[str, Page]:
        """Return our pages, by path."""
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
            # Loaded when first asked for: pydantic takes a tenth of a second.
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
    """A body is no JSON; the message says where."""


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except json.JSONDecodeError as error:  # orjson's error is one
        raise _BadDocument(f"The body is not JSON: {error}.") from None


def _not_allowed(allowed: str) -> Outgoing:
    return Outgoing(
        405, {"Allow": allowed, "Content-Type": "text/plain"}, b"This page takes " + allowed.encode()
    )
