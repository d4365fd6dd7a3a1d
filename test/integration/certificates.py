"""Certificates of every quality, for the tests of TLS."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(n) for n in names]


def ip(address: str) -> list[x509.GeneralName]:
    return [x509.IPAddress(ipaddress.ip_address(address))]


class Certificate:
    """A certificate with its key, issued by another or by itself."""

    def __init__(
        self,
        common_name: str,
        issuer: "Certificate | None" = None,
        *,
        names: list[x509.GeneralName] | None = None,
        authority: bool = False,
        usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        begins: datetime.datetime = NOW - DAY,
        ends: datetime.datetime = NOW + DAY,
        raw_names: bytes | None = None,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        public = self.key.public_key()
        signer = issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common_name))
            .issuer_name(issuer.certificate.subject if issuer else name(common_name))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if raw_names is not None:
            oid = x509.SubjectAlternativeName.oid
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, raw_names), critical=False)
        if usage is not None and not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(encoding, form, serialization.NoEncryption())

    def write(self, directory: Path, *, chain: "tuple[Certificate, ...]" = ()) -> Path:
        """Write certificate, chain and key into one PEM file."""
        path = directory / f"{self.certificate.serial_number:x}.pem"
        path.write_bytes(b"".join([self.pem, *(c.pem for c in chain), self.key_pem]))
        path.chmod(0o600)
        return path
