"""Cluster ids are made and read as Kafka's own tools do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.kafka.storage import cluster_id, format_arguments, new_cluster_id


@given(st.binary(min_size=16, max_size=16))
def test_a_cluster_id_is_never_read_as_an_option(unique: bytes) -> None:
    """One in 64 would begin with a hyphen, and `kafka-storage format` would refuse it."""
    assert len(new_cluster_id(unique)) == 22
    assert not new_cluster_id(unique).startswith("-")


def test_a_leading_hyphen_is_replaced_and_no_other() -> None:
    assert new_cluster_id(b"\xf8" + 14 * b"\0" + b"\xf8") == "_AAAAAAAAAAAAAAAAAAA-A"


def test_the_cluster_id_of_storage_is_read() -> None:
    assert cluster_id("#\n#Mon Nov 30\ncluster.id=abc=\nversion=1\n") == "abc="
    assert cluster_id("") == ""


def test_each_credential_is_an_option_of_its_own() -> None:
    assert format_arguments("id", "file", ["a", "b"])[-4:] == ["--add-scram", "a", "--add-scram", "b"]
