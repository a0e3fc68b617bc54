"""The rows of a message, and the newest of each key."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.dead import dead_message
from connectors.kafka.health_messages import GAP, HealthRecord
from streams.commands.read import TOPICS
from streams.topics.collecting import Newest
from streams.topics.columns import CSV, csv_cells, csv_header, table_cells
from streams.topics.decoding import ForeignMessage, Raw, Update, eni_of, updates
from streams.topics.naming import add_names
from tests.build import ENI
from tests.streams.topics.rows import AGGREGATE, ALERT, CONVERSATION, aggregate, conversations, directory, raw


def of(topic: str) -> Raw:
    """Return a message of a topic."""
    if topic == "dead":
        message = dead_message("", 0, "wrong number of fields", b"no \x1b[31mline", 1, "blocks[0]@7")
        return raw(message.value, **dict(message.headers))
    return {
        "aggregates": aggregate(),
        "conversations": raw(conversations({}, {"port": -1, "is_other": True})),
        "alerts": raw(ALERT.encode(), ALERT.fingerprint.encode()),
        "health": raw(HealthRecord(GAP, "kinesis:flow-logs", 5, "nothing came").message("", 0).value),
    }[topic]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_field_of_a_message_is_in_its_row_and_its_cells(topic: str) -> None:
    (update,) = updates(topic, of(topic))
    for row in update.rows:
        assert set(row) == set(CSV[topic])
        add_names(directory(), topic, row)
        assert set(row) == set(csv_header(topic))
        assert len(csv_cells(topic, row)) == len(csv_header(topic))
        assert not any("\x1b" in cell for cell in table_cells(topic, row).values())


def test_names_are_those_of_the_inventory() -> None:
    (update,) = updates("conversations", of("conversations"))
    row = update.rows[0]
    add_names(directory(), "conversations", row)
    assert (row["eni_name"], row["source_name"], row["destination_name"]) == ("web", "db-1", "web")
    assert table_cells("conversations", row)["interface"] == "web"


def test_a_conversation_shows_the_address_of_the_packet() -> None:
    (update,) = updates("conversations", raw(conversations({"pkt_source": "203.0.113.7"})))
    assert table_cells("conversations", update.rows[0])["source"] == "203.0.113.7"


def test_a_tombstone_and_an_alert_that_never_fired_have_no_rows() -> None:
    assert updates("alerts", raw(None, b"a"))[0].rows == []
    cancelled = replace(ALERT, status="resolved", ends_at=ALERT.starts_at)
    assert updates("alerts", raw(cancelled.encode(), b"a"))[0].rows == []


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != "dead"])
@given(value=st.none() | st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b'{"eni":1}', b"null"]))
def test_foreign_messages_are_refused_with_a_sentence(topic: str, value: bytes | None) -> None:
    if topic == "alerts" and value is None:
        return
    with pytest.raises(ForeignMessage, match=r"not a message|the value|the field"):
        updates(topic, raw(value))


def test_a_message_of_dead_without_a_reason_is_foreign() -> None:
    with pytest.raises(ForeignMessage):
        updates("dead", raw(b"x"))


def test_a_cut_message_of_conversations_is_foreign() -> None:
    value, cut = conversations({}), 0
    whole = updates("conversations", raw(value))
    for size in range(0, len(value), 97):
        try:
            assert updates("conversations", raw(value[:size])) == whole, size  # Only padding is missing.
        except ForeignMessage:
            cut += 1
    assert cut > 0.8 * len(value) / 97


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()), max_size=30))
def test_the_highest_revision_of_each_key_is_kept_in_any_order(found: list[tuple[int, int, bool]]) -> None:
    newest = Newest()
    for number, revision, final in found:
        (update,) = updates("aggregates", aggregate(eni=f"eni-{number}", revision=revision, final=final))
        assert newest.add(update) == []
    rows = {row["eni"]: (row["revision"], row["final"]) for row in newest.rows()}
    expected = {f"eni-{n}": max((r, f) for m, r, f in found if m == n) for n, _, _ in found}
    assert rows == expected


def test_a_message_of_conversations_replaces_all_rows_of_its_window() -> None:
    newest = Newest()
    for value in (conversations({}, {"port": 22}), conversations({"port": 53, "revision": 2})):
        for update in updates("conversations", raw(value)):
            newest.add(update)
    assert [row["port"] for row in newest.rows()] == [53]


def test_the_keys_that_changed_least_recently_leave_at_the_limit() -> None:
    newest = Newest(memory_max_bytes=2000)
    left = []
    for number in range(50):
        left += newest.add(Update((number,), 1, [{"n": number}]))
    assert [row["n"] for row in [*left, *newest.rows()]] == list(range(50))
    assert len(left) > 40


def test_the_interface_of_a_row_is_found() -> None:
    assert eni_of("alerts", {"labels": {"eni": ENI}}) == eni_of(
        "aggregates", orjson.loads(AGGREGATE.encode())
    )
    assert eni_of("conversations", CONVERSATION) == ENI
    assert eni_of("dead", {}) == ""
