"""The settings of clients of a Kafka with secured listeners, by the kind of their authentication."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import SecretStr

from connectors.kafka_settings import KafkaSettings
from emulator.kafka.node import Node
from emulator.kafka.security.listeners import SecuredListener, unsecured_token

PASSWORD = 'pass"wörd'.encode("ascii", "ignore").decode() + "-42"
KINDS = ("plain", "scram-256", "scram-512", "oauthbearer", "mtls")
MECHANISMS = {"plain": "PLAIN", "scram-256": "SCRAM-SHA-256", "scram-512": "SCRAM-SHA-512"}


def settings(node: Node, kind: str, user: str, folder: Path) -> KafkaSettings:
    """Return the settings with which a user connects by TLS. `folder` is for its files."""
    secured = {"kafka": node.secured(SecuredListener.SASL_SSL), "kafka_security": "sasl_ssl"}
    files = {"kafka_ca": str(node.certificates.authority)}
    if kind == "mtls":
        issued = node.certificates.issue(user)
        files |= {"kafka_cert": str(issued.certificate), "kafka_cert_key": str(issued.key)}
        return KafkaSettings(kafka=node.secured(SecuredListener.MTLS), kafka_security="ssl", **files)
    if kind == "oauthbearer":
        token = folder / f"{user}.token"
        token.write_text(unsecured_token(user, time.time()) + "\n")
        login = {"kafka_sasl": "OAUTHBEARER", "kafka_token_file": str(token)}
    else:
        login = {"kafka_sasl": MECHANISMS[kind], "kafka_user": user}
        files |= {"kafka_password": SecretStr(PASSWORD)}  # type: ignore[dict-item]
    return KafkaSettings.model_validate(secured | files | login)
