"""The entities of a merge partition, as `conversations` needs them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Entities(Protocol):
    """Entities by code; a code is valid in this process only."""

    @property
    def accounts(self) -> Sequence[str]:
        """The AWS account by code, "" if unknown."""

    @property
    def regions(self) -> Sequence[str]:
        """The Region by code, "" if unknown."""

    def codes(self, entities: Iterable[str]) -> Any:
        """Return the code of each entity as an array; a new entity gets the next code."""

    def of(self, codes: Any) -> list[str]:
        """Return the entity of each code."""
