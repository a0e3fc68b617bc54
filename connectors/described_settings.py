"""Settings for people: every value with its origin, secrets masked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from connectors.given_settings import ENV_FILE, ENV_PREFIX, ours, read_file
from connectors.settings import Common


def is_secret(group: type[Common], name: str) -> bool:
    """Return True if a setting's value must not be shown. The URL of a webhook often contains a token."""
    field = group.model_fields[name]
    return field.annotation is SecretStr or name == "webhook"


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting for people: its value, the origin of the value, and its description."""

    value: str
    origin: str
    description: str


def describe(settings: Common, flags: Iterable[str] = ()) -> Mapping[str, Shown]:
    """Return every setting by its variable. `flags` are the names of fields that were given as flags."""
    group, flags = type(settings), frozenset(flags)
    environment, file = ours(os.environ), read_file()

    def origin(name: str) -> str:
        variable = ENV_PREFIX + name.upper()
        if name in flags:
            return "flag"
        return "environment" if variable in environment else ENV_FILE if variable in file else "default"

    return {
        ENV_PREFIX + name.upper(): Shown(_masked(settings, name), origin(name), field.description or "")
        for name, field in group.model_fields.items()
    }


def _masked(settings: Common, name: str) -> str:
    value = str(getattr(settings, name))
    return "***" if value and is_secret(type(settings), name) else value
