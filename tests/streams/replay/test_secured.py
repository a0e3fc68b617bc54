"""The users of a replay on a secured Kafka: their ACLs, and what is refused before anything starts."""

from __future__ import annotations

import pytest

from connectors.kafka.clients import acls
from emulator.kafka.security.acls import Acl
from streams.replay import options
from streams.replay.load import ReplayError, ReplayOptions
from streams.replay.secured import broker_acl


def test_security_is_for_the_kafka_that_the_replay_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VPCFLOW_KAFKA", raising=False)
    options.check(ReplayOptions(kafka_security="scram"))
    monkeypatch.setenv("VPCFLOW_KAFKA", "kafka:9092")
    options.check(ReplayOptions())
    with pytest.raises(ReplayError, match="--kafka-security is for the Kafka that the replay starts"):
        options.check(ReplayOptions(kafka_security="scram"))


def test_an_acl_of_the_table_becomes_one_of_the_local_kafka() -> None:
    one = acls.Acl(acls.DESCRIBE_CONFIGS, acls.TOPIC, "a.", is_prefix=True)
    assert broker_acl("me", one) == Acl("me", "topic", "a.", "describe_configs", is_prefix=True)
    two = acls.Acl(acls.WRITE, acls.TRANSACTIONAL_ID, "a.connect-0")
    assert broker_acl("me", two) == Acl("me", "transactional_id", "a.connect-0", "write")
