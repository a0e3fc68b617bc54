"""The entities of a merge partition by code, with their account and Region. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl

from streams.windows.render import NO_TEXTS, Texts


@dataclass(slots=True)
class Names:
    """The entities of a partition by code. Codes are valid in this process only and are never stored."""

    texts: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    """The AWS account of each entity; "" if it is unknown."""
    regions: list[str] = field(default_factory=list)
    """The Region of each entity; "" if it is unknown."""
    _codes: dict[str, int] = field(default_factory=dict)
    _raw: Texts = NO_TEXTS
    _json: Texts = NO_TEXTS

    def codes(self, entities: Iterable[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the code of each entity; a new entity gets the next code."""
        known, found = self._codes, []
        for entity in entities:
            code = known.get(entity)
            if code is None:
                code = known[entity] = len(self.texts)
                self.texts.append(entity)
                self.accounts.append("")
                self.regions.append("")
            found.append(code)
        return np.array(found, np.int64)

    def learn_origins(self, codes: Any, accounts: pl.Series, regions: pl.Series) -> None:
        """Record the account and the Region of entities that had none."""
        for known, column in ((self.accounts, accounts), (self.regions, regions)):
            if not column.max():
                continue  # All are "": the source does not say.
            for code, value in zip(codes.tolist(), column.to_list(), strict=True):
                if value and not known[code]:
                    known[code] = value

    def only(self, codes: Iterable[int]) -> Names:
        """Return the entities of these codes, numbered anew in their order."""
        kept = list(codes)
        found = Names()
        found.codes(self.texts[code] for code in kept)
        found.accounts = [self.accounts[code] for code in kept]
        found.regions = [self.regions[code] for code in kept]
        return found

    def accounts_of(self, codes: Any) -> list[str]:
        """Return the account of each code."""
        return [self.accounts[code] for code in codes.tolist()]

    def regions_of(self, codes: Any) -> list[str]:
        """Return the Region of each code."""
        return [self.regions[code] for code in codes.tolist()]

    def of(self, codes: Any) -> list[str]:
        """Return the entity of each code."""
        texts = self.texts
        return [texts[code] for code in codes.tolist()]

    @property
    def raw(self) -> Texts:
        """The entities by code, for rendering."""
        self._grow()
        return self._raw

    @property
    def json(self) -> Texts:
        """The entities by code as JSON strings, for rendering."""
        self._grow()
        return self._json

    def _grow(self) -> None:
        new = self.texts[len(self._raw.ends) :]
        if new:
            self._raw = self._raw.followed_by(Texts.of(new))
            self._json = self._json.followed_by(Texts.of(orjson.dumps(text).decode() for text in new))
