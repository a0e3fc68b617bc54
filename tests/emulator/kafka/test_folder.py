"""A data folder belongs to one Kafka at a time, and what a killed process left behind is deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from emulator.kafka.errors import KafkaFailed
from emulator.kafka.folder import LEFT_BEHIND_S, data_folder, delete_left_behind


def _left(parent: Path, name: str, age_s: float) -> Path:
    folder = parent / f"vpcflow-kafka-{name}"
    folder.mkdir()
    lock = folder / "in-use.lock"
    lock.touch()
    at = time.time() - age_s
    os.utime(lock, (at, at))
    return folder


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with data_folder(tmp_path / "made"), pytest.raises(KafkaFailed, match="another Kafka runs in"):
        data_folder(tmp_path / "made").__enter__()
    with data_folder(tmp_path / "made") as again:
        assert again == tmp_path / "made"


def test_only_old_folders_without_an_owner_are_deleted(tmp_path: Path) -> None:
    """A young one may be of a process that starts now."""
    old, young = _left(tmp_path, "old", LEFT_BEHIND_S + 1), _left(tmp_path, "young", 1)
    used = _left(tmp_path, "used", LEFT_BEHIND_S + 1)
    other = tmp_path / "other"
    other.mkdir()
    with data_folder(used):
        at = time.time() - LEFT_BEHIND_S - 1
        os.utime(used / "in-use.lock", (at, at))
        delete_left_behind(tmp_path, time.time())
        assert sorted(tmp_path.iterdir()) == sorted([young, used, other])
    assert not old.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KafkaFailed, match=f"data in {tmp_path}/file/folder .*name a folder"):
        data_folder(tmp_path / "file" / "folder").__enter__()
