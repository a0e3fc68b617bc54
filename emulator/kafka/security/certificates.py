"""The certificate authority of a local Kafka, and the certificates that it issues, as PEM files in a folder.

The authority is made once for a folder and kept, so that a node started again keeps its identity and clients
keep their trust. Private keys are readable by their owner only. Kafka reads private keys as PKCS #8 only
(`DefaultSslEngineFactory`), so all are written so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme

HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its chain, and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of one authority: its own certificate, and the server's key and chain in one file."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that clients trust (`VPCFLOW_KAFKA_CA`)."""
        return self.folder / "ca.pem"

    @property
    def server(self) -> Path:
        """The key and the chain of the server."""
        return self.folder / "server.pem"

    def make(self) -> None:
        """Create the authority and the server's certificate unless the folder has them."""
        if self.server.exists():
            return
        import trustme  # Takes a tenth of a second, and most nodes have no TLS.

        self.folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="vpcflow local Kafka")
        write_private(self._authority_key, authority.private_key_pem.bytes())
        self.authority.write_bytes(authority.cert_pem.bytes())
        server = authority.issue_cert(*HOSTS, common_name="kafka")
        write_private(self.server, _pkcs8(server) + _chain(server))  # Last: it says that all is there.

    def issue(self, name: str) -> Issued:
        """Return a client certificate whose common name is `name`; issue it unless the folder has it."""
        issued = Issued(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if not issued.certificate.exists():
            import trustme

            authority = trustme.CA.from_pem(self.authority.read_bytes(), self._authority_key.read_bytes())
            client = authority.issue_cert(f"{name}.client.invalid", common_name=name)
            write_private(issued.key, _pkcs8(client))
            issued.certificate.write_bytes(_chain(client))
        return issued

    @property
    def _authority_key(self) -> Path:
        return self.folder / "ca.key"


def _pkcs8(issued: trustme.LeafCert) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _chain(issued: trustme.LeafCert) -> bytes:
    return b"".join(pem.bytes() for pem in issued.cert_chain_pems)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
