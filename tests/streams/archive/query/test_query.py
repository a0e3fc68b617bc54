"""`vpcflow query`: views of the newest versions, names by time, read-only, and errors in a sentence."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from streams.archive.names import parse
from streams.archive.query.chosen import TimeRange, tables_of, words
from streams.archive.query.session import QueryError, Session
from streams.archive.storage.folder import Folder
from streams.archive.storage.interface import StoredFile
from streams.archive.tables import CONVERSATIONS, TOTALS
from streams.cli import main
from tests.streams.archive import made
from tests.streams.archive.archived import ALL_TIMES, LIMITS, archive, inventory

SOME = ([made.totals(0, "eni-1", bytes=5)], [made.conversation(0, "eni-1", "10.0.0.1", "10.0.0.2", bytes=5)])


def query(root: Path, *arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(main, ["query", "--archive", str(root), *arguments], env=environment)


@given(st.integers(0, 10_000), st.booleans())
def test_views_have_the_newest_version_of_each_key(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rolled: bool
) -> None:
    """Whatever parts the versions are in, before a compaction and after it."""
    chance = random.Random(seed)
    messages = []
    for _ in range(4):
        window, eni, revision = chance.randrange(70), f"eni-{chance.randrange(2)}", chance.randrange(1, 4)
        sums = [made.totals(window, eni, bytes=chance.randrange(99), revision=revision)]
        pairs = [
            made.conversation(window, eni, "10.0.0.1", f"10.0.0.{n}", bytes=chance.randrange(99))
            | {"revision": revision}
            for n in range(chance.randrange(1, 4))
        ]
        messages.append((sums, pairs))
    session = archive(tmp_path_factory.mktemp("archive"), messages, rolled=rolled)
    for table, sent in (
        (TOTALS, [one for one, _ in messages]),
        (CONVERSATIONS, [two for _, two in messages]),
    ):
        columns = ", ".join((*table.key, "bytes", "revision")).replace("window_start", "epoch(window_start)")
        got = session.run(f"SELECT {columns} FROM {table.name} ORDER BY ALL", ALL_TIMES).rows
        assert got == sorted(
            tuple(row[name] for name in (*table.key, "bytes", "revision"))
            for rows in made.expected(sent, table.key).values()
            for row in rows
        )
        if rolled:
            for period in ("10m", "1h", "1d"):
                sums = session.run(f"SELECT sum(bytes) FROM {table.name}_{period}", ALL_TIMES).rows
                assert sums == [(sum(row[-2] for row in got),)]


def test_names_are_those_of_the_moment(tmp_path: Path) -> None:
    """An address changes its owner at minute 1, and exists in two VPCs; an end outside has no name."""
    pairs = [made.conversation(w, "eni-1", "10.0.0.1", "10.0.0.2") for w in (0, 1)]
    pairs.append(made.conversation(2, "eni-9", "10.0.0.2", "198.51.100.7"))
    session = archive(tmp_path, [([], pairs)])
    inventory(
        tmp_path,
        [
            {"eni": "eni-1", "vpc": "vpc-1", "name": "web", "private": ["10.0.0.1"], "valid_from": -9},
            {"eni": "eni-2", "vpc": "vpc-1", "name": "old", "private": ["10.0.0.2"], "valid_from": -9}
            | {"valid_to": 1},
            {"eni": "eni-3", "vpc": "vpc-1", "name": "new", "private": ["10.0.0.2"], "valid_from": 1},
            {"eni": "eni-4", "vpc": "vpc-2", "name": "far", "private": ["10.0.0.2"], "valid_from": -9},
        ],
    )
    found = session.run(
        "SELECT eni_name, source_name, destination_name FROM conversations ORDER BY window_start", ALL_TIMES
    )
    assert found.rows == [("web", "web", "old"), ("web", "web", "new"), (None, None, None)]


def test_a_time_range_limits_windows_and_files(tmp_path: Path) -> None:
    session = archive(tmp_path, [([made.totals(w, "eni-1") for w in (0, 1, 61, 125)], [])])
    hidden = tmp_path / "totals/account=111122223333/region=us-east-1/day=2026-01-01/hour=02"
    (next(hidden.iterdir())).write_bytes(b"no Parquet")
    time = TimeRange(made.MINUTE_0 + 60, made.MINUTE_0 + 7200)
    assert session.run("SELECT count(*) FROM totals", time).rows == [(2,)]


class Compacting(Folder):
    """A folder in which a compaction replaces a part between its listing and its reading."""

    is_compacted = False

    def files(self, folder: str) -> Iterator[StoredFile]:
        found = list(super().files(folder))
        if found and not self.is_compacted:
            self.is_compacted = True
            old = parse(found[0].path)
            assert old is not None
            assert self.publish(old.path, replace(old, last=old.last + 1).path)
        yield from found


def test_a_compaction_during_a_query_does_not_fail_it(tmp_path: Path) -> None:
    archive(tmp_path, [SOME])
    session = Session(Compacting(tmp_path), tmp_path, LIMITS)
    assert session.run("SELECT sum(bytes)::BIGINT FROM totals", ALL_TIMES).rows == [(5,)]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{root}/x.csv'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW totals",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "ATTACH '{root}/x.db'",
        "SELECT 1; SELECT 2",
        "",
        "PRAGMA database_list",
    ],
)
def test_only_one_select_runs(tmp_path: Path, sql: str) -> None:
    session = archive(tmp_path, [SOME])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(QueryError, match="one SELECT statement can run"):
        session.run(sql.format(root=tmp_path), ALL_TIMES)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_query_reads_no_file_outside_the_archive(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    session = archive(tmp_path / "archive", [SOME])
    with pytest.raises(QueryError, match="disabled by configuration"):
        session.run(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')", ALL_TIMES)


def test_formats_and_errors_are_for_people(tmp_path: Path) -> None:
    archive(tmp_path, [SOME])
    sql = "SELECT window_start, eni, bytes FROM totals"
    assert query(tmp_path, "--csv", sql).output == "window_start,eni,bytes\n2026-01-01 00:00:00,eni-1,5\n"
    assert json.loads(query(tmp_path, "--json", sql).output) == {
        "window_start": "2026-01-01T00:00:00Z",
        "eni": "eni-1",
        "bytes": 5,
    }
    assert "eni-1" in query(tmp_path, sql).output
    wrong = query(tmp_path, "SELECT nothing FROM totals")
    assert wrong.exit_code == 1
    assert wrong.output.startswith('Error: Binder Error: Referenced column "nothing" not found')
    time = query(tmp_path, "--from", "yesterday", sql)
    assert time.output == "Error: --from yesterday is wrong: write a time like 2026-11-30T10:00\n"


def test_an_empty_archive_has_empty_views(tmp_path: Path) -> None:
    sql = "SELECT count(*) FROM matrix_1d JOIN inventory ON true JOIN totals_10m ON true"
    assert query(tmp_path / "nothing", "--csv", sql).output == "count_star()\n0\n"


def test_without_duckdb_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    found = query(tmp_path, "SELECT 1")
    assert found.exit_code == 1
    assert "needs the Python package duckdb: install the extra `query`" in found.output


def test_every_example_of_the_help_runs(tmp_path: Path) -> None:
    """`--help` shows them for a shell, with backslashes at the ends of lines."""
    archive(tmp_path, [SOME], rolled=True)
    shown = CliRunner().invoke(main, ["query", "--help"]).output.replace("\\\n", "\n")
    examples = shown.split("vpcflow query ")[1:]
    assert len(examples) == 5
    for example in examples:
        options, sql, *_ = example.split('"')
        found = query(tmp_path, *options.split(), sql)
        assert found.exit_code == 0, found.output


def test_duckdb_and_polars_read_the_files_as_they_are(tmp_path: Path) -> None:
    archive(tmp_path, [SOME, (SOME[0], [])], rolled=True)
    pattern = f"{tmp_path}/conversations/**/*.parquet"
    hive = "read_parquet(?, hive_partitioning = true)"
    assert duckdb.execute(
        f"SELECT account, region, day::VARCHAR, bytes FROM {hive}", [pattern]
    ).fetchall() == [(111122223333, "us-east-1", "2026-01-01", 5)]
    frame = pl.scan_parquet(pattern, hive_partitioning=True).select("region", "hour", "bytes").collect()
    assert frame.rows() == [("us-east-1", 0, 5)]


def test_the_tables_of_a_query_are_found() -> None:
    assert tables_of({"matrix_1d", "other"}) == {"conversations_1d"}
    assert "totals_1h" in tables_of({"other"})
    assert tables_of({"inventory"}) == set()
    assert "*" not in words("SELECT count(*), a * 2 FROM t")
    assert "*" in words("SELECT * FROM t")
    assert "*" in words("SELECT 1, t.* FROM t")
    assert "*" in words("FROM t")
