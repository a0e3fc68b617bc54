"""The documents of fault rules: JSON or TOML files, and request bodies. They are parsed, checked and written.

An error is one sentence with the place of the wrong value. Loading this module takes a tenth of a second,
because of pydantic, so the emulator loads it when a fault is configured.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from emulator.faults.rules import RESHARDINGS, Fault, Plan, Rule

_COMMON = {
    "fault",
    "operations",
    "stream",
    "shard",
    "probability",
    "count",
    "after_calls",
    "after_s",
    "between_s",
}
_OWN: dict[str, set[str]] = {
    "throttle": {"share"},
    "internal_failure": {"effect"},
    "latency": {"delay_ms"},
    "reset": {"effect"},
    "lost_response": {"hold_ms"},
    "empty_while_behind": {"behind_ms"},
    "split": {"after_records", "new_starting_hash_key"},
    "merge": {"after_records", "adjacent"},
    "clock_skew": {"skew_s"},
}
_NEEDED = {
    "latency": {"delay_ms"},
    "split": {"shard"},
    "merge": {"shard", "adjacent"},
    "clock_skew": {"skew_s"},
}


class BadFaults(ValueError):
    """A faults document is invalid. The message has the place, the value and what is allowed."""


def read_file(path: Path) -> Plan:
    """Return the plan in a file: TOML if its name ends with `.toml`, otherwise JSON. Raises `BadFaults`."""
    try:
        text = path.read_text()
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise BadFaults(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:  # The base class of both parsers' errors and of UnicodeDecodeError.
        kind = "TOML" if path.suffix == ".toml" else "JSON (name it .toml if it is TOML)"
        raise BadFaults(f"{path}: is not {kind}: {error}.") from None
    try:
        return read(document)
    except BadFaults as bad:
        raise BadFaults(f"{path}: {bad}") from None


def read(document: object) -> Plan:
    """Return the plan of a document, which is an object with `seed` and `rules`. Raises `BadFaults`."""
    if not isinstance(document, dict):
        raise BadFaults('Faults are an object, such as {"seed": 1, "rules": [{"fault": "throttle"}]}.')
    rules = document.get("rules", [])
    for at, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, dict):
            _check_fields(rule, f"rules[{at}]")
    try:
        plan = _PLAN.validate_python({**document, "rules": _widened(rules)})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadFaults(f"{_place(first['loc'])}: {first['msg']}; it is {first['input']!r}.") from None
    for at, each in enumerate(plan.rules):
        _check_values(each, f"rules[{at}]")
    return plan


def as_document(plan: Plan) -> dict[str, object]:
    """Return the document of a plan, without default values. `read` accepts it."""
    return {"seed": plan.seed, "rules": [_rule_document(rule) for rule in plan.rules]}


def _rule_document(rule: Rule) -> dict[str, object]:
    shown: dict[str, object] = {"fault": rule.fault}
    for each in fields(rule):
        value = getattr(rule, each.name)
        if each.default is not MISSING and value != each.default:
            shown[each.name] = list(value) if isinstance(value, tuple) else value
    return shown


def _check_fields(rule: dict[object, object], place: str) -> None:
    """Check that a rule has all required fields of its fault and no unknown ones. Raises `BadFaults`."""
    fault = rule.get("fault")
    if fault not in get_args(Fault):
        raise BadFaults(f"{place}: there is no fault {fault!r}. There are: {', '.join(get_args(Fault))}.")
    name = str(fault)
    strange = sorted(str(key) for key in rule if key not in _COMMON | _OWN.get(name, set()))
    if strange:
        known = ", ".join(sorted(_COMMON | _OWN.get(name, set())))
        raise BadFaults(f"{place}: the fault {name} has no field {strange[0]!r}. It has: {known}.")
    missing = sorted(_NEEDED.get(name, set()) - rule.keys())
    if missing:
        raise BadFaults(f"{place}: the fault {name} needs the field {missing[0]!r}.")


def _check_values(rule: Rule, place: str) -> None:
    """Check the ranges of a rule's values. Raises `BadFaults`."""
    for name in ("probability", "share"):
        if not 0 <= getattr(rule, name) <= 1:
            raise BadFaults(f"{place}.{name}: must be from 0 to 1; it is {getattr(rule, name)}.")
    for name in ("after_calls", "after_s", "hold_ms", "behind_ms", "after_records"):
        if getattr(rule, name) < 0:
            raise BadFaults(f"{place}.{name}: must not be below 0; it is {getattr(rule, name)}.")
    if rule.count is not None and rule.count < 1:
        raise BadFaults(f"{place}.count: must be 1 or more; leave it out for every time.")
    for name, pair in (("between_s", rule.between_s or (0, 1)), ("delay_ms", rule.delay_ms)):
        if not 0 <= pair[0] <= pair[1]:
            raise BadFaults(f"{place}.{name}: must be two numbers, the lower first; it is {list(pair)}.")
    if rule.fault in RESHARDINGS and any(sign in rule.shard for sign in "*?["):
        raise BadFaults(f"{place}.shard: {rule.fault} needs one shard, not a pattern; it is {rule.shard!r}.")
    if rule.new_starting_hash_key and not rule.new_starting_hash_key.isdecimal():
        raise BadFaults(f"{place}.new_starting_hash_key: must be a number in a text.")


def _widened(rules: object) -> object:
    """Convert a single operation to a list, and a single delay to a range."""
    if not isinstance(rules, list):
        return rules
    widened = []
    for rule in rules:
        changed = dict(rule) if isinstance(rule, dict) else rule
        if isinstance(rule, dict) and isinstance(rule.get("operations"), str):
            changed["operations"] = [rule["operations"]]
        if isinstance(rule, dict) and isinstance(rule.get("delay_ms"), int):
            changed["delay_ms"] = [rule["delay_ms"]] * 2
        widened.append(changed)
    return widened


def _place(location: tuple[int | str, ...]) -> str:
    shown = ""
    for part in location:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else str(part)
    return shown or "faults"


_PLAN = TypeAdapter(Plan)
