"""The secured listeners of a local Kafka as data: protocols, users, and the broker settings for them. Pure.

A node always has its `PLAINTEXT` listener, for brokers and for administration. Its user, `User:ANONYMOUS`, is
the super user. Clients of the `SSL` listener have no name either, so they are the same user: use another
listener to test ACLs. With a `Security`, the node has one more listener for each `SecuredListener`, so that
one Kafka serves clients of every kind.

Every SASL listener accepts `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` and `OAUTHBEARER`. OAUTHBEARER uses the
validator for unsecured JSON Web Tokens (Kafka documentation, "Unsecured Token Validation Options"): every
client can create such a token (`unsecured_token`), so it is for local use only. The principal is
`User:<name>`: the SASL user, the token's `sub`, or the common name of the client certificate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType

import orjson
import pybase64

__all__ = ["MECHANISMS", "BadSecurity", "SecuredListener", "Security", "scram_credentials", "unsecured_token"]

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
SCRAM_ITERATIONS = 4096  # Kafka's minimum, and its tools' default.
ADMIN = "ANONYMOUS"
"""The principal of the `PLAINTEXT` listener."""

_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_USER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PASSWORD = re.compile(r"[!-~]{1,128}")


class BadSecurity(ValueError):
    """A user name or password cannot be configured; the message names the user and never the password."""


class SecuredListener(Enum):
    """A secured listener of a node. All but `MTLS` are named after Kafka's security protocol."""

    SSL = "ssl"
    MTLS = "mtls"  # Protocol `ssl`, with a client certificate required.
    SASL_SSL = "sasl_ssl"
    SASL_PLAINTEXT = "sasl_plaintext"

    @property
    def protocol(self) -> str:
        """Kafka's security protocol."""
        return "SSL" if self is SecuredListener.MTLS else self.name

    @property
    def has_tls(self) -> bool:
        """True if clients connect by TLS."""
        return self is not SecuredListener.SASL_PLAINTEXT

    @property
    def has_sasl(self) -> bool:
        """True if clients authenticate by SASL."""
        return self.name.startswith("SASL")


@dataclass(frozen=True, slots=True)
class Security:
    """The secured listeners of a node. `users` maps SASL user names to passwords.

    With `has_acls`, a principal may do nothing that no ACL allows (`StandardAuthorizer`, and
    `allow.everyone.if.no.acl.found=false`). Raises `BadSecurity`.
    """

    users: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    has_acls: bool = False
    listeners: tuple[SecuredListener, ...] = tuple(SecuredListener)

    def __post_init__(self) -> None:
        """Refuse names and passwords that a JAAS configuration or SASLprep would change."""
        for name, password in self.users.items():
            if not _USER.fullmatch(name):
                raise BadSecurity(
                    f"{name!r} is no user name: use 1 to 64 letters, digits, dots, hyphens and underscores"
                )
            if not _PASSWORD.fullmatch(password):
                raise BadSecurity(
                    f"the password of user {name} is refused: use 1 to 128 printable ASCII characters"
                    " without spaces"
                )


def security_properties(security: Security, authority: Path, server: Path) -> dict[str, object]:
    """Return the broker settings of the secured listeners. The paths are PEM files (`certificates`)."""
    settings: dict[str, object] = {}
    for listener in security.listeners:
        head = f"listener.name.{listener.value}."
        if listener.has_tls:
            settings |= _tls(head, listener, authority, server)
        if listener.has_sasl:
            settings |= _sasl(head, security.users)
    if security.has_acls:
        settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        settings["allow.everyone.if.no.acl.found"] = "false"
        settings["super.users"] = f"User:{ADMIN}"
    return settings


def _tls(head: str, listener: SecuredListener, authority: Path, server: Path) -> dict[str, object]:
    return {
        f"{head}ssl.keystore.type": "PEM",
        f"{head}ssl.keystore.location": server,
        f"{head}ssl.truststore.type": "PEM",
        f"{head}ssl.truststore.location": authority,
        f"{head}ssl.client.auth": "required" if listener is SecuredListener.MTLS else "none",
        # The common name, which comes first in the RFC 2253 form of a distinguished name.
        f"{head}ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
    }


def _sasl(head: str, users: Mapping[str, str]) -> dict[str, object]:
    package = "org.apache.kafka.common.security"
    plain = "".join(f" user_{name}={_quoted(password)}" for name, password in users.items())
    scram = f"{package}.scram.ScramLoginModule required;"
    return {
        f"{head}sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{head}plain.sasl.jaas.config": f"{package}.plain.PlainLoginModule required{plain};",
        f"{head}scram-sha-256.sasl.jaas.config": scram,
        f"{head}scram-sha-512.sasl.jaas.config": scram,
        f"{head}oauthbearer.sasl.jaas.config": f"{package}.oauthbearer.OAuthBearerLoginModule required;",
        f"{head}oauthbearer.sasl.server.callback.handler.class": (
            f"{package}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
        ),
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def scram_credentials(users: Mapping[str, str], salt: bytes) -> list[str]:
    """Return the values of `--add-scram` for `kafka-storage format`: two for each user.

    They hold salted passwords (RFC 5802, 3), because every user of the machine can read a command line.
    """
    return [
        f'{mechanism}=[name={name},salt="{_base64(salt)}",saltedpassword="{_base64(salted)}",'
        f"iterations={SCRAM_ITERATIONS}]"
        for name, password in users.items()
        for mechanism, hash_name in _HASHES.items()
        for salted in [hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, SCRAM_ITERATIONS)]
    ]


def _base64(data: bytes) -> str:
    return pybase64.b64encode(data).decode()


def unsecured_token(user: str, now_s: float, lifetime_s: float = 3600.0) -> str:
    """Return an unsecured JSON Web Token (RFC 7519, 6) for OAUTHBEARER, valid from `now_s`, epoch seconds."""
    claims = {"sub": user, "iat": int(now_s), "exp": int(now_s + lifetime_s), "scope": "kafka"}
    parts = [orjson.dumps({"alg": "none"}), orjson.dumps(claims)]
    return "".join(pybase64.urlsafe_b64encode(part).decode().rstrip("=") + "." for part in parts)
