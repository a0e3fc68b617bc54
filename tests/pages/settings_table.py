"""The tables of `docs/settings.md`: every setting, its default, its values and the processes that read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from connectors.given_settings import ENV_PREFIX
from connectors.settings import (
    Archive,
    Common,
    Connect,
    ConnectFirehose,
    ConnectS3,
    Inventory,
    Notify,
    Query,
    Serve,
    Work,
)

PROCESSES: Mapping[str, type[Common]] = {
    "connect kinesis": Connect,
    "connect s3": ConnectS3,
    "connect firehose": ConnectFirehose,
    "inventory": Inventory,
    "work": Work,
    "serve": Serve,
    "notify": Notify,
    "archive": Archive,
    "query": Query,
}
CHOICE = re.compile(r"\^\(([\w|]+)\)\$")


def tables() -> str:
    """Return the tables, one for each set of processes that read the same settings."""
    readers: dict[str, dict[str, FieldInfo]] = {}
    for process, group in PROCESSES.items():
        for name, field in group.model_fields.items():
            readers.setdefault(name, {})[process] = field
    sections: dict[str, list[str]] = {}
    for name, fields in readers.items():
        sections.setdefault(_heading(list(fields)), []).append(_row(name, fields))
    return "\n".join(_table(heading, rows) for heading, rows in sections.items())


def _heading(processes: list[str]) -> str:
    if len(processes) == len(PROCESSES):
        return "Every process"
    return ", ".join(f"`vpcflow {process}`" for process in processes)


def _table(heading: str, rows: list[str]) -> str:
    return "\n".join(
        (f"### {heading}\n", "| variable | default | values | meaning |", "|---|---|---|---|", *rows, "")
    )


def _row(name: str, fields: Mapping[str, FieldInfo]) -> str:
    first = next(iter(fields.values()))
    return f"| `{ENV_PREFIX}{name.upper()}` | {_default(first)} | {values(first)} | {_meaning(fields)} |"


def _meaning(fields: Mapping[str, FieldInfo]) -> str:
    """Return the description, or, where the processes differ, one for each of them."""
    by_meaning: dict[str, list[str]] = {}
    for process, field in fields.items():
        by_meaning.setdefault((field.description or "").replace("|", "\\|"), []).append(process)
    if len(by_meaning) == 1:
        return next(iter(by_meaning))
    return "; ".join(
        f"{', '.join(f'`{one}`' for one in processes)}: {meaning}"
        for meaning, processes in by_meaning.items()
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{value}`" if value != "" else "–"


def values(field: FieldInfo) -> str:
    """Return the possible values of a setting, for the table."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(annotation) if one)
    kind = next((one for one in get_args(annotation) if isinstance(one, type)), annotation)
    if kind is bool:
        return "`true`, `false`"
    if kind is SecretStr:
        return "secret"
    words = "whole number" if kind is int else "number" if kind is float else ""
    pattern = next((found for one in field.metadata if (found := getattr(one, "pattern", None))), "")
    choice = CHOICE.fullmatch(pattern)
    choices = ", ".join(f"`{one}`" for one in choice[1].split("|")) if choice else ""
    return choices or " ".join(filter(None, (words, _range(field.metadata)))) or "text"


def _range(metadata: list[Any]) -> str:
    low, high = "", ""
    for one in metadata:
        match one:
            case Ge(ge):
                low = f"{ge}"
            case Gt(gt):
                low = f"above {gt}"
            case Le(le):
                high = f"{le}"
    return f"{low} to {high}" if low and high else ""
