"""A query in DuckDB, in memory and read-only.

The views are defined first. Then DuckDB may read the files of the archive and nothing else, and no setting
can change. One SELECT statement runs; any other is refused, because it could write.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.archive.names import Current, Part, parse
from streams.archive.query import matrix, views
from streams.archive.query.chosen import (
    MATRIX,
    TimeRange,
    is_conversations,
    parts_of,
    tables_of,
    words,
)
from streams.archive.query.copies import Copies
from streams.archive.query.views import Files
from streams.archive.storage.interface import Reading, StoredFile
from streams.archive.tables import INVENTORY_PATH, TABLES

if TYPE_CHECKING:
    import duckdb

ATTEMPTS = 3
"""Runs of a query if the files of its tables change while DuckDB reads them: compaction replaces parts."""

_INVENTORY_COPY = "inventory.parquet"


class QueryError(Exception):
    """A query cannot run; the message is a sentence or the message of DuckDB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a query: memory in MB, threads (0: one for each core), and the prices of the matrix."""

    memory_mb: int
    threads: int
    prices: matrix.Prices


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query: names of columns, and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Session:
    """Queries on one archive: a folder, or with `copies` the copies of a bucket."""

    def __init__(self, storage: Reading, root: Path, limits: Limits, copies: Copies | None = None) -> None:
        self._storage, self._root, self._limits, self._copies = storage, root.resolve(), limits, copies

    def run(self, sql: str, time: TimeRange) -> Answer:
        """Run a query. Raises `QueryError`, and `ArchiveError` if the archive cannot be read."""
        import duckdb

        _check_select(sql)
        tables = tables_of(name.lower() for name in duckdb.get_table_names(sql))
        stored = self._files_of(tables)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
                    self._limit(connection, spill)
                    self._define(connection, sql, time, stored)
                    self._lock(connection, spill)
                    found = connection.execute(sql)
                    return Answer([name for name, *_ in found.description or ()], found.fetchall())
            except duckdb.Error as error:
                before, stored = stored, self._files_of(tables)
                if attempt == ATTEMPTS or stored == before:
                    raise QueryError(_message(error)) from error
        raise AssertionError

    def _files_of(self, tables: Iterable[str]) -> Mapping[str, list[StoredFile]]:
        """Return the files of some tables, by table."""
        return {name: list(self._storage.files(name)) for name in sorted(tables)}

    def _limit(self, connection: duckdb.DuckDBPyConnection, spill: str) -> None:
        """Set the limits, and define `inventory`; `spill` is the folder of what does not fit in memory."""
        connection.execute("SET enable_progress_bar = false")  # It is printed to standard output.
        connection.execute(f"SET memory_limit = '{self._limits.memory_mb}MB'")
        if self._limits.threads:
            connection.execute(f"SET threads = {self._limits.threads}")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute(f"SET temp_directory = {views.quoted(spill)}")
        if (inventory := self._storage.read(INVENTORY_PATH)) is not None:
            # This file is replaced in place, and DuckDB may open a file more than once.
            (Path(spill) / _INVENTORY_COPY).write_bytes(inventory)
        known = [str(Path(spill) / _INVENTORY_COPY)] if inventory is not None else []
        connection.execute(f"CREATE VIEW inventory AS {views.inventory(known)}")
        connection.execute(views.OWNERS)

    def _lock(self, connection: duckdb.DuckDBPyConnection, spill: str) -> None:
        """Forbid every access but to the archive and to `spill`, and any change of settings."""
        folders = ", ".join(map(views.quoted, (str(self._root), spill)))
        connection.execute(f"SET allowed_directories = [{folders}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def _define(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        time: TimeRange,
        stored: Mapping[str, list[StoredFile]],
    ) -> None:
        """Define the views of a query."""
        chosen = {
            name: parts_of(name, (parse(file.path) for file in files), time) for name, files in stored.items()
        }
        wanted = {part.path for one in chosen.values() for part in (*one.settled, *one.unsettled)}
        places = self._places([file for files in stored.values() for file in files if file.path in wanted])
        has_names = views.uses_names(words(sql))
        for name, one in chosen.items():
            table, rows = TABLES[name], f"stored_{name}"
            connection.execute(
                f"CREATE VIEW {rows} AS {views.stored(table, _files(one, places), *time.texts)}"
            )
            view = views.named(table, rows) if has_names else views.plain(rows)
            connection.execute(f"CREATE VIEW {name} AS {view}")
        for name, base in MATRIX.items():
            if base in chosen and is_conversations(base):
                view = matrix.matrix(f"stored_{base}", self._limits.prices)
                connection.execute(f"CREATE VIEW {name} AS {view}")

    def _places(self, files: list[StoredFile]) -> Mapping[str, str]:
        """Return the absolute path of each file on this machine, by its path in the archive."""
        if self._copies is None:
            return {file.path: str(self._root / file.path) for file in files}
        return {path: str(copy.resolve()) for path, copy in self._copies.fetch(files).items()}


def _files(one: Current, places: Mapping[str, str]) -> Files:
    def of(parts: tuple[Part, ...]) -> list[str]:
        return [places[part.path] for part in parts if part.path in places]

    return Files(of(one.settled), of(one.unsettled))


def _check_select(sql: str) -> None:
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(_message(error)) from error
    kinds = [statement.type for statement in statements]
    allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if len(kinds) != 1 or kinds[0] not in allowed:
        raise QueryError(
            "one SELECT statement can run, and no other: the archive is read-only. Write SELECT …, or"
            " DESCRIBE and a view"
        )


def _message(error: Exception) -> str:
    """Return the message of DuckDB without its blank lines."""
    return re.sub(r"\n\s*\n", "\n", str(error)).strip()
