"""TLS contexts for Kafka clients, from PEM files. Host names are always checked."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from connectors.kafka.clients.connection import Tls
from connectors.settings import SettingsError

CA, CERT, KEY = "VPCFLOW_KAFKA_CA", "VPCFLOW_KAFKA_CERT", "VPCFLOW_KAFKA_CERT_KEY"


@lru_cache(maxsize=8)
def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the context for some files, one for a process. Raises `SettingsError`.

    A renewed client certificate is used after the process was started again.
    """
    context = trusting(CA, tls.ca)
    if tls.cert:
        _load_certificate(context, tls)
    return context


def trusting(setting: str, ca: str) -> ssl.SSLContext:
    """Return a client's context that trusts the CAs in a file, or the system's. Raises `SettingsError`."""
    if not ca:
        return ssl.create_default_context()
    text = _text(setting, ca)
    try:
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{setting}={ca} holds no certificate in PEM format") from error


def _load_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    where = f"{KEY}={tls.cert_key}" if tls.cert_key else f"{CERT}={tls.cert}"
    certificate, key = _text(CERT, tls.cert), _text(KEY, tls.cert_key) if tls.cert_key else ""
    if "-----BEGIN CERTIFICATE-----" not in certificate:
        raise SettingsError(f"{CERT}={tls.cert} holds no certificate in PEM format")
    if "PRIVATE KEY-----" not in (key or certificate):
        raise SettingsError(f"{where} holds no private key in PEM format; set {KEY} to the file with the key")
    password = tls.cert_key_password.get_secret_value()
    try:
        # Always with a password: without one, OpenSSL would ask the terminal.
        context.load_cert_chain(tls.cert, tls.cert_key or None, password=lambda: password)
    except ssl.SSLError as error:
        if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            raise SettingsError(f"{where} is not the private key of {CERT}={tls.cert}") from error
        if "ENCRYPTED" not in (key or certificate):
            raise SettingsError(f"{CERT}={tls.cert} with {where} cannot be used: {error.reason}") from error
        wrong = "is not its password" if password else "is not set"
        raise SettingsError(f"{where} is encrypted, and VPCFLOW_KAFKA_CERT_KEY_PASSWORD {wrong}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{CERT}={tls.cert} with {where} cannot be used") from error


def _text(setting: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise SettingsError(f"{setting}={path} cannot be read: {error.strerror}") from error
