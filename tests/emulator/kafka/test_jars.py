"""The jars that are run are the listed ones, whatever the cache or the network holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.kafka.jars import Jar, JarError, cache_folder, ensure_jars, is_whole, kafka_version, published


@pytest.fixture
def small() -> Jar:
    """The smallest of them (9 kB), so that fetching it costs nothing."""
    return next(jar for jar in published() if jar.artifact == "kafka-tools-api")


def test_the_list_names_one_kafka_and_each_jar_once() -> None:
    """A second version of anything on the class path would be a matter of luck."""
    jars = published()
    assert kafka_version(jars).startswith("4.1.")
    assert len({jar.artifact for jar in jars}) == len(jars)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)
    kafkas = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert kafkas == {kafka_version(jars)}


def test_a_missing_or_cut_file_is_not_whole(tmp_path: Path, small: Jar) -> None:
    """What is checked is the content."""
    path = tmp_path / small.filename
    assert not is_whole(path, small)
    path.write_bytes(b"PK")
    assert not is_whole(path, small)


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path) -> None:
    """Our own variable first, then the desktop's."""
    assert cache_folder({"VPCFLOW_CACHE": "/ours", "XDG_CACHE_HOME": "/theirs"}) == Path("/ours")
    assert cache_folder({"XDG_CACHE_HOME": "/theirs"}) == Path("/theirs/vpcflow")
    assert cache_folder({}) == Path.home() / ".cache" / "vpcflow"


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.kafka
async def test_a_damaged_jar_is_fetched_again(tmp_path: Path, small: Jar) -> None:
    """A disk error, or an edit, does not reach the class path."""
    (tmp_path / small.filename).write_bytes(b"damaged")
    (path,) = await ensure_jars([small], tmp_path)
    assert is_whole(path, small)
    assert _names(tmp_path) == [path.name]


@pytest.mark.kafka
async def test_a_jar_that_is_not_the_listed_one_is_refused(tmp_path: Path, small: Jar) -> None:
    """Refused with a sentence, and not kept."""
    with pytest.raises(JarError, match=r"kafka-tools-api.* is not the listed one"):
        await ensure_jars([replace(small, sha256="0" * 64)], tmp_path)
    assert _names(tmp_path) == []
