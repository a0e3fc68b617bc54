"""What is on disk is what a dictionary would hold, and not in memory."""

from __future__ import annotations

import resource
from contextlib import closing

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConnectError
from connectors.kafka.state_on_disk import StateOnDisk

KEYS = st.sampled_from([b"", b"a", b"b\0c", b"\xff" * 20])


@given(st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=10))))
def test_it_holds_what_a_dictionary_would(steps: list[tuple[bytes, bytes | None]]) -> None:
    wanted: dict[bytes, bytes] = {}
    with closing(StateOnDisk()) as state:
        for key, value in steps:
            if value is None:
                assert state.pop(key, None) == wanted.pop(key, None)
            else:
                state[key] = wanted[key] = value
            assert dict(state) == wanted
            assert len(state) == len(wanted)
        state.clear()
        assert dict(state) == {}


def test_what_is_not_there_is_a_key_error() -> None:
    with closing(StateOnDisk()) as state:
        with pytest.raises(KeyError):
            state[b"a"]
        with pytest.raises(KeyError):
            del state[b"a"]


@pytest.mark.bulk
def test_much_takes_no_memory() -> None:
    """40 MB of values, and less than a tenth of it in memory."""
    process = psutil.Process()
    with closing(StateOnDisk()) as state:
        before = process.memory_info().rss
        for number in range(10_000):
            state[number.to_bytes(8)] = bytes(4_000)
        assert len(state) == 10_000
        assert process.memory_info().rss - before < 4 << 20


def test_a_disk_without_room_is_said_in_a_sentence() -> None:
    """The fault is what the machine lets a file grow to: SQLite cannot write on."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(StateOnDisk()) as state:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
        try:
            with pytest.raises(ConnectError, match="let TMPDIR be a folder with room"):
                state.update({number.to_bytes(8): bytes(4_000) for number in range(1_000)})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
