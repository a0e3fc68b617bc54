"""The self-signed certificate for clients that require TLS, such as the KCL, and for tests with https.

A local authority signs the server's certificate; a client must trust its `ca.pem` (`AWS_CA_BUNDLE`). If a
folder is given, the certificate stays the same across restarts.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

HOSTS = (
    "localhost",
    "127.0.0.1",
    "::1",
    "*.localhost",
    "localhost.localstack.cloud",
    "*.localhost.localstack.cloud",
)
_AUTHORITY, _SERVER = "ca.pem", "server.pem"


def authority_path(folder: Path | None, host: str) -> Path:
    """Return the authority's certificate file. Create it if needed; the default folder is a temporary one."""
    folder = folder or Path(tempfile.mkdtemp(prefix="vpcflow-tls-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _AUTHORITY).exists() or not (folder / _SERVER).exists():
        _make(folder, host)
    return folder / _AUTHORITY


def context(authority: Path) -> ssl.SSLContext:
    """Return the TLS context for the server certificate in the authority's folder."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.with_name(_SERVER))
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


def _make(folder: Path, host: str) -> None:
    import trustme  # Loading it takes a tenth of a second, and only `--tls` needs it.

    # A wildcard address such as 0.0.0.0 is not a valid name in a certificate.
    names = dict.fromkeys((*HOSTS, *([] if host in {"0.0.0.0", "::", ""} else [host])))
    authority = trustme.CA(organization_name="vpcflow emulator")
    server = authority.issue_cert(*names)
    path = folder / _SERVER
    path.touch(mode=0o600)
    path.write_bytes(b"".join(pem.bytes() for pem in (server.private_key_pem, *server.cert_chain_pems)))
    os.chmod(path, 0o600)  # noqa: PTH101
    authority.cert_pem.write_to_path(str(folder / _AUTHORITY))
