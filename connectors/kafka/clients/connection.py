"""The value from which every Kafka client is made: bootstrap servers, TLS files, and SASL login.

It is hashable and opens nothing, so that processes pass it around, and TLS contexts and token providers can
be shared by all clients with equal values. Secrets do not appear in its `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from connectors.kafka_settings import SASL, TLS, KafkaSettings

_NONE = SecretStr("")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret: its value, or the file that holds it. `setting` is the variable that names the file."""

    setting: str
    value: SecretStr = _NONE
    file: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of TLS. Without `ca`, the system's CAs are trusted; `cert` is the client certificate."""

    ca: str = ""
    cert: str = ""
    cert_key: str = ""
    cert_key_password: SecretStr = _NONE


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """A token endpoint for the OAuth 2.0 grant `client_credentials`, and the CAs to trust there."""

    url: str
    client: str
    secret: Secret
    scope: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """SASL authentication. OAUTHBEARER takes its token from a file or an endpoint."""

    mechanism: str
    user: str = ""
    password: Secret = Secret("VPCFLOW_KAFKA_PASSWORD_FILE")
    token_file: str = ""
    endpoint: TokenEndpoint | None = None


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """The connection of all clients of one process. `security` is a value of `VPCFLOW_KAFKA_SECURITY`."""

    servers: str
    security: str = "plaintext"
    tls: Tls = Tls()
    login: Login | None = None

    @property
    def has_tls(self) -> bool:
        """True if clients connect by TLS."""
        return self.security in TLS

    @classmethod
    def of(cls, settings: KafkaSettings) -> KafkaConnection:
        """Return the connection that settings describe."""
        tls = Tls(
            settings.kafka_ca,
            settings.kafka_cert,
            settings.kafka_cert_key,
            settings.kafka_cert_key_password,
        )
        login = _login(settings) if settings.kafka_security in SASL else None
        return cls(settings.kafka, settings.kafka_security, tls, login)


def _login(settings: KafkaSettings) -> Login:
    password = Secret("VPCFLOW_KAFKA_PASSWORD_FILE", settings.kafka_password, settings.kafka_password_file)
    secret = Secret(
        "VPCFLOW_KAFKA_TOKEN_SECRET_FILE", settings.kafka_token_secret, settings.kafka_token_secret_file
    )
    url, client, scope = settings.kafka_token_url, settings.kafka_token_client, settings.kafka_token_scope
    endpoint = TokenEndpoint(url, client, secret, scope, settings.kafka_ca) if url else None
    return Login(settings.kafka_sasl, settings.kafka_user, password, settings.kafka_token_file, endpoint)
