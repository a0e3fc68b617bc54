"""Which differences of a topic stop a process, and which are warnings."""

from __future__ import annotations

import pytest

from connectors.kafka.topic_settings import (
    TOPICS,
    Topic,
    TopicDescription,
    differences,
    recommended,
    required,
)

MAX_BYTES = 8 << 20
BY_NAME = {topic.name: topic for topic in TOPICS}


def found(topic: Topic, **changed: str) -> TopicDescription:
    """Return a topic with one replica as vpcflow makes it, but for what is changed."""
    settings = required(topic, MAX_BYTES) | recommended(topic) | {"min.insync.replicas": "1"}
    return TopicDescription(
        8, 1, settings | {name.replace("_", "."): value for name, value in changed.items()}
    )


def judged(name: str, **changed: str) -> list[tuple[str, bool]]:
    """Return the settings that differ, and whether each is fatal."""
    topic = BY_NAME[name]
    return [
        (one.setting, one.is_fatal) for one in differences(topic, "p.", found(topic, **changed), 8, MAX_BYTES)
    ]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_topic_of_our_own_making_has_no_difference(name: str) -> None:
    assert judged(name) == []


def test_all_inputs_of_hops_are_kept_equally_long() -> None:
    assert {BY_NAME[name].retention_ms for name in ("blocks", "partials", "finals")} == {24 * 3_600_000}


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("blocks", {"cleanup_policy": "compact"}, [("cleanup.policy", True)]),
        ("sum-state", {"cleanup_policy": "compact,delete"}, [("cleanup.policy", True)]),
        ("alerts", {"cleanup_policy": "delete,compact"}, []),
        ("dead", {"max_message_bytes": "1048588"}, [("max.message.bytes", True)]),
        ("blocks", {"max_message_bytes": str(MAX_BYTES - 1)}, [("max.message.bytes", True)]),
        ("blocks", {"max_message_bytes": str(MAX_BYTES + 1)}, []),
        ("merge-state", {"segment_bytes": str(MAX_BYTES - 1)}, [("segment.bytes", True)]),
        ("merge-state", {"segment_bytes": str(1 << 30)}, [("segment.bytes", False)]),
        ("blocks", {"segment_bytes": str(1 << 30)}, []),
        ("positions", {"min_compaction_lag_ms": "86400000"}, [("min.compaction.lag.ms", False)]),
        ("finals", {"retention_ms": "21600000"}, [("retention.ms", False)]),
        ("finals", {"retention_ms": "-1"}, []),
        ("finals", {"retention_bytes": "1000000"}, [("retention.bytes", False)]),
        ("finals", {"retention_bytes": "-1"}, []),
        ("sum-state", {"retention_ms": "1"}, []),
        ("blocks", {"min_insync_replicas": "2"}, [("min.insync.replicas", True)]),
    ],
)
def test_what_stops_a_process_and_what_is_a_warning(
    name: str, changed: dict[str, str], expected: list[tuple[str, bool]]
) -> None:
    assert judged(name, **changed) == expected


def test_a_sentence_names_topic_setting_value_and_remedy() -> None:
    topic = BY_NAME["dead"]
    (one,) = differences(topic, "vpcflow.", found(topic, max_message_bytes="1048588"), 8, MAX_BYTES)
    assert one.sentence == (
        "topic vpcflow.dead has max.message.bytes=1048588, but messages of up to 8388608 bytes are written"
        " to it: set max.message.bytes=8388608 with kafka-configs --alter --topic vpcflow.dead"
        " --add-config max.message.bytes=8388608"
    )


def test_another_partition_count_names_both_remedies() -> None:
    (one,) = differences(BY_NAME["blocks"], "vpcflow.", TopicDescription(12, 3, {}), 8, MAX_BYTES)
    assert one.sentence == (
        "topic vpcflow.blocks has 12 partitions, not 8: set VPCFLOW_SLOTS=12,"
        " or choose another VPCFLOW_PREFIX"
    )


def test_a_broker_that_does_not_say_a_setting_is_trusted() -> None:
    assert differences(BY_NAME["blocks"], "p.", TopicDescription(8, 3, {}), 8, MAX_BYTES) == []


@pytest.mark.parametrize(("brokers", "wanted"), [(2, 2), (3, 3), (9, 3)])
def test_one_replica_in_a_cluster_of_several_brokers_is_a_warning(brokers: int, wanted: int) -> None:
    """Kafka's own default is one replica, also for a cluster."""
    (one,) = differences(BY_NAME["blocks"], "p.", TopicDescription(8, 1, {}, brokers), 8, MAX_BYTES)
    assert not one.is_fatal
    assert one.sentence == (
        f"topic p.blocks has 1 replica, so messages are lost with the disk of one of the {brokers} brokers:"
        f" add replicas with kafka-reassign-partitions, and set default.replication.factor={wanted} on the"
        " brokers"
    )


def test_several_replicas_are_as_the_operator_decided() -> None:
    assert differences(BY_NAME["blocks"], "p.", TopicDescription(8, 2, {}, 9), 8, MAX_BYTES) == []
