"""The self-made certificate for clients that require TLS, such as the KCL, and for tests with https.

A small authority signs the server's certificate; a client must trust `ca.pem` (`AWS_CA_BUNDLE`). In a folder,
the certificate stays the same across restarts.
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
    """Return the file to trust, made if need be; the folder is a new temporary one if none is given."""
    folder = folder or Path(tempfile.mkdtemp(prefix="vpcflow-tls-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _AUTHORITY).exists() or not (folder / _SERVER).exists():
        _make(folder, host)
    return folder / _AUTHORITY


def context(authority: Path) -> ssl.SSLContext:
    """Return a server's context for the certificate that lies beside the authority's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.with_name(_SERVER))
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


def _make(folder: Path, host: str) -> None:
    import trustme  # takes a tenth of a second, and is for `--tls` only

    # An address that means every address is no name to certify.
    names = dict.fromkeys((*HOSTS, *([] if host in {"0.0.0.0", "::", ""} else [host])))
    authority = trustme.CA(organization_name="vpcflow emulator")
    server = authority.issue_cert(*names)
    path = folder / _SERVER
    path.touch(mode=0o600)
    path.write_bytes(b"".join(pem.bytes() for pem in (server.private_key_pem, *server.cert_chain_pems)))
    os.chmod(path, 0o600)  # noqa: PTH101
    authority.cert_pem.write_to_path(str(folder / _AUTHORITY))
