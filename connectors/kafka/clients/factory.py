"""The only place that creates Kafka clients, so that all of them use the connection of the settings.

Every function raises `SettingsError` if a file of the connection cannot be used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, create_conn

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.msk import msk_token
from connectors.kafka.clients.secret_files import read_file, secret
from connectors.kafka.clients.tls import tls_context
from connectors.kafka.clients.token_endpoint import endpoint_token
from connectors.kafka.clients.tokens import Token, TokenProvider, TokenUnavailable
from connectors.kafka_settings import AWS_MSK_IAM, OAUTHBEARER
from connectors.settings import SettingsError

CONNECT_MS = 10_000


def consumer(connection: KafkaConnection, **options: Any) -> AIOKafkaConsumer:
    """Return a consumer that is not started. `options` are aiokafka's."""
    return AIOKafkaConsumer(bootstrap_servers=connection.servers, **security_options(connection), **options)


def producer(connection: KafkaConnection, **options: Any) -> AIOKafkaProducer:
    """Return a producer that is not started. `options` are aiokafka's."""
    return AIOKafkaProducer(bootstrap_servers=connection.servers, **security_options(connection), **options)


def admin(connection: KafkaConnection, **options: Any) -> AIOKafkaAdminClient:
    """Return an admin client that is not started. `options` are aiokafka's."""
    return AIOKafkaAdminClient(
        bootstrap_servers=connection.servers, **security_options(connection), **options
    )


async def connect(connection: KafkaConnection, host: str, port: int) -> AIOKafkaConnection:
    """Connect to one server and authenticate. Raises aiokafka's errors, `OSError`, and `TimeoutError`."""
    return await create_conn(host, port, request_timeout_ms=CONNECT_MS, **security_options(connection))


def security_options(connection: KafkaConnection) -> dict[str, Any]:
    """Return aiokafka's options for TLS and SASL; none for plaintext."""
    options: dict[str, Any] = {}
    if connection.security != "plaintext":
        options["security_protocol"] = connection.security.upper()
    if connection.has_tls:
        options["ssl_context"] = tls_context(connection.tls)
    login = connection.login
    if login is None:
        return options
    if login.mechanism in {OAUTHBEARER, AWS_MSK_IAM}:
        provider = _token_provider(connection)
        return {**options, "sasl_mechanism": OAUTHBEARER, "sasl_oauth_token_provider": provider}
    return {
        **options,
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.user,
        "sasl_plain_password": secret(login.password),
    }


@lru_cache(maxsize=8)
def _token_provider(connection: KafkaConnection) -> TokenProvider:
    """Return the provider of a connection; its clients share one token."""
    login = connection.login
    assert login is not None
    if login.mechanism == AWS_MSK_IAM:
        return TokenProvider(lambda: msk_token(connection.servers))
    if (endpoint := login.endpoint) is not None:
        return TokenProvider(lambda: endpoint_token(endpoint))
    return TokenProvider(lambda: _file_token(login.token_file))


def _file_token(path: str) -> Token:
    try:
        return Token(read_file("VPCFLOW_KAFKA_TOKEN_FILE", path))
    except SettingsError as error:
        raise TokenUnavailable(str(error)) from error
