"""Settings of the connection to Kafka: which combinations are refused, and with which sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka_settings import KafkaSettings, variables
from connectors.settings import Common

SCRAM = {
    "kafka_security": "sasl_ssl",
    "kafka_sasl": "SCRAM-SHA-512",
    "kafka_user": "alice",
    "kafka_password": "s3cret",
}
TOKENS = {"kafka_security": "sasl_ssl", "kafka_sasl": "OAUTHBEARER"}
ENDPOINT = {"kafka_token_url": "https://id.example.com/token", "kafka_token_client": "vpcflow"}
SECRETS = ("kafka_password", "kafka_cert_key_password", "kafka_token_secret")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kafka_security": "ssl"},
        {"kafka_security": "SSL", "kafka_ca": "ca.pem", "kafka_cert": "me.pem", "kafka_cert_key": "me.key"},
        SCRAM,
        {**SCRAM, "kafka_security": "sasl_plaintext", "kafka_sasl": "plain"},
        {**SCRAM, "kafka_password": "", "kafka_password_file": "/run/secrets/kafka"},
        {**TOKENS, "kafka_token_file": "token"},
        {**TOKENS, **ENDPOINT, "kafka_token_secret": "x", "kafka_token_scope": "kafka"},
        {"kafka_security": "sasl_ssl", "kafka_sasl": "AWS_MSK_IAM"},
    ],
)
def test_a_consistent_connection_is_accepted(values: dict[str, str]) -> None:
    settings = KafkaSettings.model_validate(values)
    again = {name.removeprefix("VPCFLOW_").lower(): value for name, value in variables(settings).items()}
    assert KafkaSettings.model_validate(again) == settings
    assert KafkaConnection.of(settings) == KafkaConnection.of(KafkaSettings.model_validate(again))
    assert hash(KafkaConnection.of(settings))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kafka_security": "tls"}, "Input should be 'plaintext', 'ssl', 'sasl_ssl' or 'sasl_plaintext'"),
        ({"kafka_security": "sasl_ssl"}, "VPCFLOW_KAFKA_SECURITY=sasl_ssl needs VPCFLOW_KAFKA_SASL: PLAIN, "),
        (
            {**SCRAM, "kafka_security": "ssl"},
            "VPCFLOW_KAFKA_SASL is set, but VPCFLOW_KAFKA_SECURITY=ssl does not authenticate by SASL; set",
        ),
        ({**SCRAM, "kafka_user": ""}, "VPCFLOW_KAFKA_SASL=SCRAM-SHA-512 needs VPCFLOW_KAFKA_USER"),
        (
            {**SCRAM, "kafka_password": ""},
            "needs one of VPCFLOW_KAFKA_PASSWORD and VPCFLOW_KAFKA_PASSWORD_FILE",
        ),
        (
            {**SCRAM, "kafka_password_file": "password"},
            "needs one of VPCFLOW_KAFKA_PASSWORD and VPCFLOW_KAFKA_PASSWORD_FILE",
        ),
        (
            {"kafka_password": "s3cret"},
            "VPCFLOW_KAFKA_PASSWORD is set, but VPCFLOW_KAFKA_SECURITY=plaintext does not authenticate",
        ),
        (
            {"kafka_ca": "ca.pem"},
            "VPCFLOW_KAFKA_CA is set, but VPCFLOW_KAFKA_SECURITY=plaintext does not use",
        ),
        ({**SCRAM, "kafka_cert_key": "key.pem"}, "VPCFLOW_KAFKA_CERT_KEY is set, but VPCFLOW_KAFKA_CERT is"),
        ({**SCRAM, "kafka_token_file": "t"}, "VPCFLOW_KAFKA_TOKEN_FILE is set, but VPCFLOW_KAFKA_SASL=SCRAM"),
        (TOKENS, "needs one of VPCFLOW_KAFKA_TOKEN_FILE and VPCFLOW_KAFKA_TOKEN_URL"),
        ({**TOKENS, **ENDPOINT, "kafka_token_file": "t"}, "needs one of VPCFLOW_KAFKA_TOKEN_FILE and"),
        (
            {**TOKENS, "kafka_token_file": "t", "kafka_token_scope": "kafka"},
            "VPCFLOW_KAFKA_TOKEN_SCOPE is set, but VPCFLOW_KAFKA_TOKEN_FILE does not use it; remove it",
        ),
        ({**TOKENS, **ENDPOINT}, "VPCFLOW_KAFKA_TOKEN_URL needs one of VPCFLOW_KAFKA_TOKEN_SECRET and"),
        ({**TOKENS, **ENDPOINT, "kafka_token_client": ""}, "TOKEN_URL needs VPCFLOW_KAFKA_TOKEN_CLIENT"),
        ({**TOKENS, "kafka_token_url": "ftp://id"}, "it must begin with https:// or http:// and a host"),
        ({**TOKENS, "kafka_token_url": "https://me:s3cret@id"}, "it must begin with https:// or http://"),
        ({**TOKENS, "kafka_user": "alice"}, "VPCFLOW_KAFKA_USER is set, but VPCFLOW_KAFKA_SASL=OAUTHBEARER"),
        (
            {"kafka_security": "sasl_plaintext", "kafka_sasl": "AWS_MSK_IAM"},
            "VPCFLOW_KAFKA_SASL=AWS_MSK_IAM needs VPCFLOW_KAFKA_SECURITY=sasl_ssl",
        ),
    ],
)
def test_a_contradiction_is_refused(values: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaSettings.model_validate(values)
    message = refused.value.errors()[0]["msg"]
    assert sentence in message
    assert "s3cret" not in message


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8), st.sampled_from(SECRETS))
def test_a_secret_is_in_no_repr(secret: str, name: str) -> None:
    values = {
        "kafka_password": SCRAM,
        "kafka_cert_key_password": {"kafka_security": "ssl", "kafka_cert": "me.pem"},
        "kafka_token_secret": {**TOKENS, **ENDPOINT},
    }[name]
    settings = KafkaSettings.model_validate({**values, name: SecretStr(f"<{secret}>")})
    assert f"<{secret}>" not in f"{settings!r} {settings} {KafkaConnection.of(settings)!r}"
    assert f"<{secret}>" in variables(settings).values()


def test_every_process_has_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SCRAM.items():
        monkeypatch.setenv(f"VPCFLOW_{name.upper()}", value)
    assert KafkaConnection.of(Common()) == KafkaConnection.of(KafkaSettings.model_validate(SCRAM))
