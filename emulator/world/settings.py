"""The settings of a world: its seed, load, speed, incidents and end. Pure.

`vpcflow world` and `vpcflow replay --world` send them as JSON by `PUT /_vpcflow/world`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from emulator.world.incidents.targets import KINDS

SPEED_MAX, BUSY_MAX, RECORDS_MAX = 3600.0, 100_000, 1_000_000_000
_WANTED = {"bool": "true or false", "int": "a whole number", "float": "a number"}
FEW_KINDS = ("port_scan", "removed_rule")


class BadWorld(ValueError):
    """The error for invalid settings. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """The settings. `busy` is in percent, `speed` in simulated seconds per second.

    `incidents` are kinds (`targets.KINDS`). If `records` is set, the load is bounded: whole minutes are
    simulated without waiting until they have that many records, `rate` records per second (0: as fast as the
    destinations accept them). A bounded load has a ledger.
    """

    seed: int = 1
    busy: int = 100
    speed: float = 1.0
    incidents: tuple[str, ...] = KINDS
    records: int = 0
    rate: float = 0.0
    start: int = 0
    keeps_log_events: bool = True

    @property
    def is_bounded(self) -> bool:
        """Return whether the load ends."""
        return self.records > 0

    def document(self) -> dict[str, object]:
        """Return the settings as a JSON object."""
        return asdict(self)


def read(document: object, known: WorldSettings | None = None) -> WorldSettings:
    """Return the settings in a document, with those of `known` or the defaults added. Raises `BadWorld`."""
    if not isinstance(document, Mapping):
        raise BadWorld("The settings of a world are a JSON object.")
    kinds = {one.name: one.type for one in fields(WorldSettings)}
    unknown = sorted(set(document) - set(kinds))
    if unknown:
        raise BadWorld(f"A world has no setting `{unknown[0]}`; it has {', '.join(kinds)}.")
    given = {name: _value(name, kinds[name], value) for name, value in document.items()}
    settings = replace(known or WorldSettings(), **given)
    _check(settings)
    return settings


def _value(name: str, kind: Any, value: Any) -> Any:
    if name == "incidents":
        return _kinds(value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise BadWorld(f"`{name}` must be {_WANTED[kind]}, not {value!r}.")


def _kinds(value: Any) -> tuple[str, ...]:
    named: dict[str, tuple[str, ...]] = {"all": KINDS, "few": FEW_KINDS, "none": ()}
    if isinstance(value, str):
        if value in named:
            return named[value]
        value = value.split(",")
    if not isinstance(value, list | tuple):
        raise BadWorld("`incidents` is `all`, `few`, `none` or a list of kinds.")
    wrong = [one for one in value if one not in KINDS]
    if wrong:
        raise BadWorld(f"There is no incident `{wrong[0]}`; there are {', '.join(KINDS)}.")
    return tuple(value)


def _check(settings: WorldSettings) -> None:
    if not 0 < settings.speed <= SPEED_MAX:
        raise BadWorld(f"`speed` is between 0 and {SPEED_MAX:.0f}, and not 0.")
    if not 0 <= settings.busy <= BUSY_MAX:
        raise BadWorld(f"`busy` is between 0 and {BUSY_MAX} percent.")
    if not 0 <= settings.records <= RECORDS_MAX or settings.rate < 0:
        raise BadWorld(f"`records` is between 0 and {RECORDS_MAX}, and `rate` at least 0.")
    if settings.seed < 0 or settings.start < 0:
        raise BadWorld("`seed` and `start` are at least 0.")
