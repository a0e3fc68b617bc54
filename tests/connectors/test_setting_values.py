"""Pasted values of settings: accepted in a normal form, or an error that shows the correct form."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.setting_values import (
    bootstrap_servers,
    bucket_place,
    is_service_link,
    key_prefix,
    queue_url,
    topic_prefix,
    webhook_url,
    without_quotes,
)

ARN = "arn:aws:sqs:eu-west-1:111122223333:flow-logs"
ACCESS_POINT = "arn:aws:s3:eu-west-1:111122223333:accesspoint/flow-logs"


@pytest.mark.parametrize(
    ("pasted", "normal"),
    [
        ("localhost:9092", "localhost:9092"),
        ("localhost", "localhost:9092"),
        ("PLAINTEXT://host:9092,host2", "host:9092,host2:9092"),
        ("PLAINTEXT://a:1,PLAINTEXT://b:2", "a:1,b:2"),
        ("plaintext://host:9092/", "host:9092"),
        ("kafka://host:9094", "host:9094"),
        ("tcp://host:9094", "host:9094"),
        (" a:1 , b:2, ", "a:1,b:2"),
        ("a:1;b:2", "a:1,b:2"),
        ("a:1 b:2", "a:1,b:2"),
        ("[::1]:9092", "[::1]:9092"),
        ("[fe80::1%eth0]", "[fe80::1%eth0]:9092"),
        ("10.0.0.1:09092", "10.0.0.1:9092"),
        ("b-1.x_y.kafka.eu-west-1.amazonaws.com.:9092", "b-1.x_y.kafka.eu-west-1.amazonaws.com.:9092"),
    ],
)
def test_bootstrap_servers_are_accepted_as_they_are_pasted(pasted: str, normal: str) -> None:
    assert bootstrap_servers(pasted) == normal


@pytest.mark.parametrize(
    ("pasted", "shown"),
    [
        ("SASL_SSL://host:9098", "write host:9098 without SASL_SSL://"),
        ("ssl://host:9094", "write host:9094 without ssl://"),
        ("SASL_PLAINTEXT://host", "write host without SASL_PLAINTEXT://"),
        ("http://host:9092", "write host:9092 without http://"),
        ("a:1,https://b:2/", "write b:2 without https://"),
        ("host:what", "'what' is not a port"),
        ("host:0", "'0' is not a port"),
        ("host:65536", "'65536' is not a port"),
        ("host:", "'' is not a port"),
        ("host:٣", "is not a port"),
        ("::1:9092", "write an IPv6 address in brackets"),
        ("user@host:9092", "is not host:port"),
        ("host:9092/topic", "'9092/topic' is not a port"),
        ("", "write host:port"),
        (",", "write host:port"),
        ("://", "is not host:port|without ://"),
    ],
)
def test_other_addresses_are_refused_with_the_correct_form(pasted: str, shown: str) -> None:
    with pytest.raises(ValueError, match=shown):
        bootstrap_servers(pasted)


@pytest.mark.parametrize(
    ("pasted", "place"),
    [
        ("my-flow-logs", ("my-flow-logs", "")),
        ("my-flow-logs/", ("my-flow-logs", "")),
        ("my-flow-logs/team-a/", ("my-flow-logs", "team-a")),
        ("s3://my-flow-logs", ("my-flow-logs", "")),
        ("s3://my-flow-logs/", ("my-flow-logs", "")),
        ("S3://my-flow-logs/team-a/net//", ("my-flow-logs", "team-a/net")),
        ("s3://my-flow-logs/AWSLogs/111122223333/vpcflowlogs/", ("my-flow-logs", "")),
        ("s3://my-flow-logs/a/AWSLogs", ("my-flow-logs", "a")),
        ("arn:aws:s3:::my-flow-logs", ("my-flow-logs", "")),
        ("arn:aws:s3:::my-flow-logs/*", ("my-flow-logs", "")),
        ("arn:aws-cn:s3:::my-flow-logs/team-a/", ("my-flow-logs", "team-a")),
        (ACCESS_POINT, (ACCESS_POINT, "")),
        ("", ("", "")),
    ],
)
def test_buckets_are_accepted_as_they_are_pasted(pasted: str, place: tuple[str, str]) -> None:
    assert bucket_place(pasted) == place


@pytest.mark.parametrize(
    "pasted",
    [
        "https://my-flow-logs.s3.eu-west-1.amazonaws.com/",
        "s3://",
        "s3:///prefix",
        "my flow logs",
        "x",
        "arn:aws:s3:::",
        ARN,
        "my-flow-logs\n",
        "../etc",
    ],
)
def test_other_buckets_are_refused_with_the_correct_form(pasted: str) -> None:
    with pytest.raises(ValueError, match="such as my-flow-logs, or s3://my-flow-logs/prefix"):
        bucket_place(pasted)


@pytest.mark.parametrize(
    ("pasted", "prefix"),
    [("", ""), ("/a/b/", "a/b"), ("a/AWSLogs/", "a"), ("AWSLogs/1", ""), ("myAWSLogs/x", "myAWSLogs/x")],
)
def test_a_prefix_ends_before_the_folder_of_aws(pasted: str, prefix: str) -> None:
    assert key_prefix(pasted) == prefix


def test_a_url_is_no_prefix() -> None:
    with pytest.raises(ValueError, match="the bucket in VPCFLOW_S3_BUCKET"):
        key_prefix("s3://my-flow-logs/a")


def test_a_queue_is_a_url() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/flow-logs"
    assert [queue_url(one) for one in (url, f"{url}/", "http://127.0.0.1:4566/1/q", "")] == [
        *(url, url, "http://127.0.0.1:4566/1/q", "")
    ]
    with pytest.raises(ValueError, match=f"ARN: write its URL, {url}$"):
        queue_url(ARN)
    with pytest.raises(ValueError, match=r"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q$"):
        queue_url("arn:aws-cn:sqs:cn-north-1:111122223333:q")
    for wrong in ("flow-logs", "sqs://x/y", "https://", "https://a b/c", "https://h:port/q", "http://[::1/q"):
        with pytest.raises(ValueError, match="write the queue's URL, such as https://sqs"):
            queue_url(wrong)


def test_a_webhook_is_a_url_and_is_not_repeated() -> None:
    assert webhook_url("https://hooks.example/T0/s3cret") == "https://hooks.example/T0/s3cret"
    for wrong in ("hooks.example/s3cret", "ftp://h/s3cret", "https:///s3cret", "https://h:s3cret/"):
        with pytest.raises(ValueError, match="http:// or https:// and a host") as caught:
            webhook_url(wrong)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["two words.", "a/b", "ü.", "x" * 201, "a\n"])
def test_a_prefix_that_kafka_refuses_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="such as vpcflow"):
        topic_prefix(prefix)


def test_a_pair_of_quotes_and_spaces_are_removed() -> None:
    pasted = ['"a b"', "'a b'", "  a b ", ' "a b" ', '"\' a b"', '"', "'a\"", ""]
    assert [without_quotes(one) for one in pasted] == ["a b", "a b", "a b", "a b", "' a b", '"', "'a\"", ""]


LINKS = {
    "VPCFLOW_PORT": "tcp://10.96.7.7:8080",
    "VPCFLOW_SERVICE_HOST": "10.96.7.7",
    "VPCFLOW_SERVICE_PORT": "8080",
    "VPCFLOW_SERVICE_PORT_HTTP": "8080",
    "VPCFLOW_PORT_8080_TCP": "tcp://10.96.7.7:8080",
    "VPCFLOW_PORT_8080_TCP_PROTO": "tcp",
    "VPCFLOW_PORT_8080_TCP_PORT": "8080",
    "VPCFLOW_PORT_8080_TCP_ADDR": "10.96.7.7",
    "VPCFLOW_PORT_53_UDP": "udp://10.96.7.7:53",
    "VPCFLOW_SERVE_SERVICE_HOST": "10.96.7.8",
    "VPCFLOW_SERVE_PORT": "tcp://10.96.7.8:80",
    "VPCFLOW_KAFKA_PORT": "tcp://10.96.7.9:9092",
    "VPCFLOW_KAFKA_SERVICE_HOST": "10.96.7.9",
    "VPCFLOW_KAFKA_SERVICE_PORT_TCP_CLIENT": "9092",
    "VPCFLOW_FIREHOSE_PORT": "tcp://10.96.7.10:8443",
    "VPCFLOW_HEALTH_PORT": "tcp://10.96.7.11:9000",
}


@pytest.mark.parametrize("name", LINKS)
def test_a_kubernetes_service_link_is_recognized(name: str) -> None:
    assert is_service_link(name, LINKS[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VPCFLOW_PORT", "8080"),
        ("VPCFLOW_PORT", "http://x"),
        ("VPCFLOW_HOST", "10.96.7.7"),
        ("VPCFLOW_KAFKA", "tcp://10.96.7.7:9092"),
        ("VPCFLOW_PROT", "tcp://10.96.7.7:8080"),
        ("VPCFLOW_SERVICE", "x"),
        ("VPCFLOW_KAFKA_PORT", "9092"),
    ],
)
def test_other_variables_are_no_service_links(name: str, value: str) -> None:
    assert not is_service_link(name, value)


@given(st.text())
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    for read in (bootstrap_servers, bucket_place, key_prefix, queue_url, webhook_url, topic_prefix):
        with contextlib.suppress(ValueError):
            read(text)


@given(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}[a-z0-9]:[1-9][0-9]{0,3}", fullmatch=True))
def test_a_normal_form_stays_as_it_is(server: str) -> None:
    assert bootstrap_servers(server) == server
    assert bootstrap_servers(f"PLAINTEXT://{server}/") == server
