"""Secrets in files, as Kubernetes and Docker mount them; read anew each time, because they are rotated."""

from __future__ import annotations

from pathlib import Path

from connectors.kafka.clients.connection import Secret
from connectors.settings import SettingsError


def secret(of: Secret) -> str:
    """Return a secret. Raises `SettingsError` if its file cannot be used."""
    return read_file(of.setting, of.file) if of.file else of.value.get_secret_value()


def read_file(setting: str, path: str) -> str:
    """Return a file's text without the white space around it. Raises `SettingsError`."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting}={path} is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{setting}={path} cannot be read: {error.strerror}") from error
    if not text:
        raise SettingsError(f"{setting}={path} is empty")
    return text
