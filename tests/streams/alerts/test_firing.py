"""The alerts that fire now are those whose newest message says so, in the order in which they began."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.firing import FiringNow
from streams.records import Alert

FIRED = Alert("", "port_scan", "warning", "firing", {"eni": "e"}, "", 60.0, 50.0, 0, 60, 0, 0, "")
messages = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.sampled_from(["pending", "firing", "resolved", None])),
    max_size=30,
)


def alert(key: bytes, status: str | None, at: int) -> Alert | None:
    """Return an alert of a key; None is a tombstone."""
    return replace(FIRED, fingerprint=key.decode(), status=status, starts_at=at) if status else None


@given(messages)
def test_the_newest_message_of_each_key_counts(found: list[tuple[bytes, str | None]]) -> None:
    firing = FiringNow(len(found))
    newest: dict[bytes, tuple[int, str | None]] = {}
    for at, (key, status) in enumerate(found):
        firing.take(key, alert(key, status, at))
        newest[key] = at, status
    expected = sorted((at, key) for key, (at, status) in newest.items() if status == "firing")
    assert [(one.starts_at, one.fingerprint.encode()) for one in firing.alerts()] == expected


@pytest.mark.parametrize("end", ["pending", "resolved", None])
def test_an_alert_that_no_longer_fires_is_not_delivered(end: str | None) -> None:
    firing = FiringNow(2)
    firing.take(b"a", alert(b"a", "firing", 1))
    assert len(firing.alerts()) == 1
    firing.take(b"a", alert(b"a", end, 2))
    assert firing.alerts() == []
