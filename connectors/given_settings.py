"""The variables that a process was given: its environment, and the file `vpcflow.env`.

Values of the file are literal: `$` has no meaning. Quotes around a value are removed, and inside double
quotes a backslash escapes, as python-dotenv reads them. Both readers of the file (the settings and the check
for unknown names) are `read_file`, so that they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from connectors.setting_values import is_service_link

ENV_PREFIX = "VPCFLOW_"
ENV_FILE = "vpcflow.env"


class BadFile(ValueError):
    """The settings file cannot be read; the message says which line and what to write."""


def read_file(path: str = ENV_FILE) -> dict[str, str]:
    """Return the variables of the file by their upper-case names; nothing if there is no file."""
    try:
        with Path(path).open(encoding="utf-8-sig") as stream:  # Editors on Windows put a BOM in front.
            statements = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from error
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error}") from error
    found = {}
    for statement in statements:
        if statement.error:
            # Not the line itself: it may hold a key.
            raise BadFile(
                f"{path}, line {statement.original.line} is not NAME=value: close the quotes, or remove them"
            )
        if statement.key is not None:
            if statement.value is None:
                raise BadFile(f"{path}: {statement.key} has no value: write {statement.key}=value")
            found[statement.key.upper()] = statement.value
    return found


def ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return our variables of an environment by their upper-case names, without service links."""
    lower = {
        name: value
        for name, value in environment.items()
        if _is_ours(name) and not is_service_link(name, value)
    }
    exact = {name: value for name, value in lower.items() if name.isupper()}
    return {name.upper(): value for name, value in lower.items()} | exact


def service_links(environment: Mapping[str, str]) -> list[str]:
    """Return the names of service links that begin with our prefix."""
    return sorted(
        name for name, value in environment.items() if _is_ours(name) and is_service_link(name, value)
    )


def _is_ours(name: str) -> bool:
    return name.upper().startswith(ENV_PREFIX)


class Given(PydanticBaseSettingsSource):
    """A source of pydantic-settings: the values of some variables."""

    def __init__(self, group: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(group)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a field; None if it is not given."""
        return self._variables.get(ENV_PREFIX + field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the value of every field that is given."""
        fields = self.settings_cls.model_fields
        values = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {name: value for name, value in values.items() if value is not None}
