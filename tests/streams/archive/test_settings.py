"""The place of an archive, its retention, and what `vpcflow check` says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.archive_settings import DAYS, bucket_of, days_by_table
from connectors.settings import Archive
from streams.archive.storage.folder import Folder
from streams.archive.storage.interface import ArchiveError
from streams.archive.tables import TABLES


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("s3://flow-archive", ("flow-archive", "")),
        ("s3://flow-archive/a/b/", ("flow-archive", "a/b")),
        ("/var/lib/archive", None),
        ("archive", None),
    ],
)
def test_a_place_is_a_bucket_or_a_folder(value: str, place: tuple[str, str] | None) -> None:
    assert bucket_of(Archive(archive=value).archive) == place


@pytest.mark.parametrize("value", ["", "gs://bucket/x", "s3://-/x", "s3:///x"])
def test_any_other_place_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="s3://"):
        Archive(archive=value)


def test_the_days_of_the_default_name_tables() -> None:
    assert set(days_by_table(DAYS)) - {"*"} <= set(TABLES)
    assert days_by_table("") == {}


@pytest.mark.parametrize("value", ["35", "totals=many", "totals=-1", "totals=99999999"])
def test_wrong_days_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not table=days, such as conversations=35"):
        Archive(archive_days=value)


def test_a_check_creates_no_folder(tmp_path: Path) -> None:
    assert Folder(tmp_path / "a/b").check() == f"folder {tmp_path}/a/b"
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ArchiveError, match=r"a/b: Not a directory; correct it, or set VPCFLOW_ARCHIVE"):
        Folder(tmp_path / "a/b").check()
