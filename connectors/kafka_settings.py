"""The settings of the connection to Kafka: addresses, TLS, and authentication.

A setting that the chosen security or mechanism does not use is an error, because it would have no effect.
Secrets are `SecretStr`, or the names of files. No file is opened here. Pure.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from connectors import setting_values

Security = Literal["plaintext", "ssl", "sasl_ssl", "sasl_plaintext"]
Mechanism = Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]

TLS = ("ssl", "sasl_ssl")
SASL = ("sasl_ssl", "sasl_plaintext")
OAUTHBEARER, AWS_MSK_IAM = "OAUTHBEARER", "AWS_MSK_IAM"
MECHANISMS = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM"

_FILES = ("kafka_ca", "kafka_cert", "kafka_cert_key", "kafka_cert_key_password")
_USER = ("kafka_user", "kafka_password", "kafka_password_file")
_ENDPOINT = ("kafka_token_client", "kafka_token_secret", "kafka_token_secret_file", "kafka_token_scope")
_TOKEN = ("kafka_token_file", "kafka_token_url", *_ENDPOINT)


class KafkaSettings(BaseModel):
    """The address of Kafka, and how a client connects and authenticates."""

    kafka: str = Field(default="127.0.0.1:9092", description="bootstrap servers, host:port[,host:port]")
    kafka_security: Security = Field(
        default="plaintext", description="plaintext, ssl, sasl_ssl or sasl_plaintext: the brokers' listener"
    )
    kafka_ca: str = Field(default="", description="PEM file of the CAs of the brokers; empty: the system's")
    kafka_cert: str = Field(default="", description="PEM file of the client certificate, with its chain")
    kafka_cert_key: str = Field(default="", description="PEM file of its private key; empty: the same file")
    kafka_cert_key_password: SecretStr = Field(default=SecretStr(""), description="password of that key")
    kafka_sasl: Mechanism = Field(default="", description=f"SASL mechanism: {MECHANISMS}")
    kafka_user: str = Field(default="", description="user for PLAIN and SCRAM")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="password for PLAIN and SCRAM")
    kafka_password_file: str = Field(default="", description="file with the password, instead")
    kafka_token_file: str = Field(
        default="", description="file with the token for OAUTHBEARER, read each time"
    )
    kafka_token_url: str = Field(default="", description="token endpoint for OAUTHBEARER (OpenID Connect)")
    kafka_token_client: str = Field(default="", description="client ID at that endpoint")
    kafka_token_secret: SecretStr = Field(default=SecretStr(""), description="client secret there")
    kafka_token_secret_file: str = Field(default="", description="file with the client secret, instead")
    kafka_token_scope: str = Field(default="", description="scope to request at the token endpoint")

    @field_validator("kafka")
    @classmethod
    def _bootstrap_servers(cls, value: str) -> str:
        return setting_values.bootstrap_servers(value)

    @field_validator("kafka_security", mode="before")
    @classmethod
    def _as_lower_case(cls, value: str) -> str:
        """Accept Kafka's own spelling of a security protocol, `SASL_SSL`."""
        return setting_values.without_quotes(value).lower()

    @field_validator("kafka_sasl", mode="before")
    @classmethod
    def _as_upper_case(cls, value: str) -> str:
        return setting_values.without_quotes(value).upper()

    @field_validator("kafka_token_url")
    @classmethod
    def _is_token_url(cls, value: str) -> str:
        return setting_values.token_url(value)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        self._check_tls()
        self._check_mechanism()
        if self.kafka_sasl == OAUTHBEARER:
            self._check_tokens()
        elif self.kafka_sasl and self.kafka_sasl != AWS_MSK_IAM:
            self._check_user()
        return self

    def _check_tls(self) -> None:
        if self.kafka_security not in TLS:
            self._refuse(_FILES, f"VPCFLOW_KAFKA_SECURITY={self.kafka_security} does not use TLS; set ssl")
        if not self.kafka_cert:
            self._refuse(("kafka_cert_key", "kafka_cert_key_password"), "VPCFLOW_KAFKA_CERT is not; set it")

    def _check_mechanism(self) -> None:
        if self.kafka_security in SASL and not self.kafka_sasl:
            raise ValueError(
                f"VPCFLOW_KAFKA_SECURITY={self.kafka_security} needs VPCFLOW_KAFKA_SASL: {MECHANISMS}"
            )
        if self.kafka_security not in SASL:
            security = f"VPCFLOW_KAFKA_SECURITY={self.kafka_security} does not authenticate by SASL"
            self._refuse(("kafka_sasl", *_USER, *_TOKEN), f"{security}; set sasl_ssl or sasl_plaintext")
        if self.kafka_sasl == AWS_MSK_IAM and self.kafka_security != "sasl_ssl":
            raise ValueError("VPCFLOW_KAFKA_SASL=AWS_MSK_IAM needs VPCFLOW_KAFKA_SECURITY=sasl_ssl")
        if self.kafka_sasl in {OAUTHBEARER, AWS_MSK_IAM}:
            self._refuse(_USER, f"VPCFLOW_KAFKA_SASL={self.kafka_sasl} does not use it; remove it")
        if self.kafka_sasl != OAUTHBEARER:
            self._refuse(_TOKEN, f"VPCFLOW_KAFKA_SASL={self.kafka_sasl} does not use it; remove it")

    def _check_user(self) -> None:
        if not self.kafka_user:
            raise ValueError(f"VPCFLOW_KAFKA_SASL={self.kafka_sasl} needs VPCFLOW_KAFKA_USER")
        self._check_secret("kafka_password", f"VPCFLOW_KAFKA_SASL={self.kafka_sasl}")

    def _check_tokens(self) -> None:
        if bool(self.kafka_token_file) == bool(self.kafka_token_url):
            raise ValueError(
                "VPCFLOW_KAFKA_SASL=OAUTHBEARER needs one of VPCFLOW_KAFKA_TOKEN_FILE and"
                " VPCFLOW_KAFKA_TOKEN_URL"
            )
        if self.kafka_token_file:
            self._refuse(_ENDPOINT, "VPCFLOW_KAFKA_TOKEN_FILE does not use it; remove it")
            return
        if not self.kafka_token_client:
            raise ValueError("VPCFLOW_KAFKA_TOKEN_URL needs VPCFLOW_KAFKA_TOKEN_CLIENT")
        self._check_secret("kafka_token_secret", "VPCFLOW_KAFKA_TOKEN_URL")

    def _check_secret(self, name: str, user: str) -> None:
        value, file = getattr(self, name).get_secret_value(), getattr(self, f"{name}_file")
        if bool(value) == bool(file):
            variable = _variable(name)
            raise ValueError(f"{user} needs one of {variable} and {variable}_FILE")

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        """Raise `ValueError` if one of some settings has a value."""
        for name in names:
            value = getattr(self, name)
            if value.get_secret_value() if isinstance(value, SecretStr) else value:
                raise ValueError(f"{_variable(name)} is set, but {why}")


def variables(settings: KafkaSettings) -> dict[str, str]:
    """Return the environment variables, secrets included, that give another process the same connection."""
    values = {name: getattr(settings, name) for name in KafkaSettings.model_fields}
    return {
        _variable(name): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }


def _variable(name: str) -> str:
    return f"VPCFLOW_{name.upper()}"
