"""Authorization errors of aiokafka become sentences, wherever they are inside other errors."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from pydantic import SecretStr

from connectors.kafka.clients.acls import PROCESSES, READ, TOPIC, TRANSACTIONAL_ID, WRITE, Acl
from connectors.kafka.clients.connection import KafkaConnection, Login, Secret
from connectors.kafka.clients.denials import MissingAcl, naming_missing_acls, refusals
from connectors.kafka.topic_settings import TOPICS

LOGIN = Login("PLAIN", "alice", Secret("", SecretStr("s3cret")))
SECURED = KafkaConnection("kafka:9092", "sasl_ssl", login=LOGIN)
COMMAND = "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal User:alice --operation"


def named(error: BaseException, topics: tuple[str, ...] = (), transactional_id: str = "") -> str:
    """Return the sentence for an error in a block."""
    with pytest.raises(MissingAcl) as missing, naming_missing_acls(SECURED, topics, ["g"], transactional_id):
        raise error
    assert "s3cret" not in str(missing.value)
    return str(missing.value)


def test_the_operation_follows_from_the_client_and_the_name_from_the_error() -> None:
    one = TopicAuthorizationFailedError("a")
    assert named(one) == f"Kafka does not allow Read on topic a: add the ACL ({COMMAND} Read --topic 'a')"
    two = TopicAuthorizationFailedError({"b", "a"})
    assert named(two, transactional_id="x") == (
        f"Kafka does not allow Write on topic a, b: add the ACL ({COMMAND} Write --topic 'a' --topic 'b')"
    )
    assert "Write on topic c: add" in named(TopicAuthorizationFailedError(), ("c", "c"), "x")
    assert "Read on group g: add" in named(GroupAuthorizationFailedError("Unable to find it"))
    assert "Write on transactional-id x-0: add" in named(TransactionalIdAuthorizationFailed(), (), "x-0")


def test_an_error_inside_others_is_found() -> None:
    def fail() -> None:
        try:
            raise TopicAuthorizationFailedError("a")
        except KafkaError:
            raise RuntimeError("the agent has failed") from None

    with pytest.raises(RuntimeError) as hidden:
        fail()
    grouped = ExceptionGroup("tasks", [ValueError(), ExceptionGroup("more", [hidden.value])])
    assert "Read on topic a: add" in named(grouped)


def test_other_errors_stay_what_they_are() -> None:
    missing = MissingAcl(SECURED, [Acl(READ, TOPIC, "a")])
    for error in (ValueError("other"), missing, ExceptionGroup("all", [KeyError()])):
        with pytest.raises(type(error)) as raised, naming_missing_acls(SECURED, ["b"]):
            raise error
        assert raised.value is error


def test_missing_acls_of_one_kind_are_one_sentence() -> None:
    kinds = [Acl(READ, TOPIC, "a"), Acl(WRITE, TRANSACTIONAL_ID, "x", is_prefix=True), Acl(READ, TOPIC, "b")]
    assert refusals(KafkaConnection("kafka:9092"), kinds) == [
        "Kafka does not allow Read on topic a, b: add the ACL (kafka-acls.sh --bootstrap-server kafka:9092"
        " --add --allow-principal User:NAME --operation Read --topic 'a' --topic 'b')",
        "Kafka does not allow Write on transactional-id x*: add the ACL (kafka-acls.sh --bootstrap-server"
        " kafka:9092 --add --allow-principal User:NAME --operation Write --transactional-id 'x'"
        " --resource-pattern-type prefixed)",
    ]


FOR_OTHERS = {"conversations"}  # no process of vpcflow reads these


def test_every_topic_is_written_by_one_process_and_read_by_another_or_by_people() -> None:
    entries = [acl for table in PROCESSES.values() for acl in table]
    of = {what: {acl.name for acl in entries if acl.operation == what} for what in (READ, WRITE)}
    topics = {topic.name for topic in TOPICS}
    assert topics <= of[WRITE]
    assert topics - FOR_OTHERS <= of[READ]
