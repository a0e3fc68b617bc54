"""Certificate files: a context for good ones, a sentence that names the setting for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from connectors.kafka.clients.connection import Tls
from connectors.kafka.clients.tls import tls_context
from connectors.settings import SettingsError

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A function that returns the path of one file of a set of certificates and keys."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("me", "other"):
        issued = authority.issue_cert(f"{name}.invalid")
        (folder / f"{name}.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}-both.pem"))
    key = serialization.load_pem_private_key((folder / "me.key").read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (folder / "locked.key").write_bytes(key.private_bytes(*form))
    (folder / "text").write_text("no certificate")
    (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return lambda name: str(folder / name) if name else ""


@pytest.mark.parametrize(
    ("ca", "cert", "key", "password"),
    [
        ("", "", "", ""),
        ("ca.pem", "", "", ""),
        ("ca.pem", "me.pem", "me.key", ""),
        ("ca.pem", "me-both.pem", "", ""),
        ("ca.pem", "me.pem", "locked.key", PASSWORD),
    ],
)
def test_good_files_make_a_context_that_checks_names(
    files: Callable[[str], str], ca: str, cert: str, key: str, password: str
) -> None:
    tls = Tls(files(ca), files(cert), files(key), SecretStr(password))
    context = tls_context(tls)
    assert context.check_hostname
    assert tls_context(tls) is context


@pytest.mark.parametrize(
    ("ca", "cert", "key", "password", "sentence"),
    [
        ("missing", "", "", "", "VPCFLOW_KAFKA_CA={ca} cannot be read: No such file or directory"),
        (".", "", "", "", "VPCFLOW_KAFKA_CA={ca} cannot be read: Is a directory"),
        ("text", "", "", "", "VPCFLOW_KAFKA_CA={ca} holds no certificate in PEM format"),
        ("damaged.pem", "", "", "", "VPCFLOW_KAFKA_CA={ca} holds no certificate in PEM format"),
        ("me.key", "", "", "", "VPCFLOW_KAFKA_CA={ca} holds no certificate in PEM format"),
        ("ca.pem", "missing", "me.key", "", "VPCFLOW_KAFKA_CERT={cert} cannot be read: No such file"),
        ("ca.pem", "me.key", "me.key", "", "VPCFLOW_KAFKA_CERT={cert} holds no certificate in PEM format"),
        ("ca.pem", "me.pem", "missing", "", "VPCFLOW_KAFKA_CERT_KEY={key} cannot be read: No such file"),
        ("ca.pem", "me.pem", "me.pem", "", "VPCFLOW_KAFKA_CERT_KEY={key} holds no private key in PEM format"),
        ("ca.pem", "me.pem", "", "", "VPCFLOW_KAFKA_CERT={cert} holds no private key in PEM format; set"),
        (
            "ca.pem",
            "me.pem",
            "other.key",
            "",
            "VPCFLOW_KAFKA_CERT_KEY={key} is not the private key of VPCFLOW_KAFKA_CERT={cert}",
        ),
        ("ca.pem", "me.pem", "locked.key", "", "encrypted, and VPCFLOW_KAFKA_CERT_KEY_PASSWORD is not set"),
        ("ca.pem", "me.pem", "locked.key", "wr0ng", "VPCFLOW_KAFKA_CERT_KEY_PASSWORD is not its password"),
        ("ca.pem", "damaged.pem", "me.key", "", "_CERT={cert} with VPCFLOW_KAFKA_CERT_KEY={key} cannot"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(
    files: Callable[[str], str], ca: str, cert: str, key: str, password: str, sentence: str
) -> None:
    tls = Tls(files(ca), files(cert), files(key), SecretStr(password))
    with pytest.raises(SettingsError) as refused:
        tls_context(tls)
    assert sentence.format(ca=files(ca), cert=files(cert), key=files(key)) in str(refused.value)
    assert "wr0ng" not in str(refused.value)


def test_a_file_of_another_user_is_named(
    files: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)  # Tests may run as root, who may read everything.
    with pytest.raises(SettingsError, match=r"VPCFLOW_KAFKA_CA=.*ca\.pem cannot be read: Permission denied"):
        tls_context(Tls(files("ca.pem"), cert="unused"))
