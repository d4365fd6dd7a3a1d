"""Interception certificates: a CA that can vouch for certain hosts only, and the leaf certificates it signs.

The CA's name constraints (RFC 5280 section 4.2.1.10) bind every client that checks them: even its key cannot make a
certificate for another host that such a client accepts. All keys are ECDSA P-256.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import attr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Lifetimes of certificates, and how far before now they start, to allow for clock skew.
AUTHORITY_LIFE, LEAF_LIFE, SKEW = timedelta(days=730), timedelta(days=365), timedelta(days=2)
#: A certificate that expires sooner than this is replaced.
MARGIN = timedelta(days=30)
_EVERY_ADDRESS: tuple[IPv4Network | IPv6Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
#: Maximum length of a common name (RFC 5280, ub-common-name).
_LONGEST_NAME = 64

Address = IPv4Address | IPv6Address


@attr.frozen
class CertifiedKey:
    """A certificate with its key, which is kept out of every representation."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = attr.field(repr=False)

    @property
    def matches(self) -> bool:
        """Whether the key belongs to the certificate."""
        return self.certificate.public_key() == self.key.public_key()

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone as PEM, without its key."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The unencrypted key as PEM: for a file that only its owner can read."""
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)


def read_identity(certificate: bytes, key: bytes) -> CertifiedKey:
    """Parse a certificate and its key.

    :param certificate: in PEM.
    :param key: in PEM.
    :raises ValueError: if they have the wrong content.
    """
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError as error:  # it is encrypted
        raise ValueError("the key is encrypted") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not an elliptic-curve key")
    return CertifiedKey(x509.load_pem_x509_certificate(certificate), private)


def make_authority(hosts: Iterable[str], now: datetime) -> CertifiedKey:
    """Make a CA for some hosts and their subdomains, and no others.

    :param hosts: names and addresses, in lower case.
    :param now: timezone-aware, the start of its lifetime.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ccsproxy, recorder on this machine")])
    builder = _begin(subject, key, now, AUTHORITY_LIFE).issuer_name(subject)
    for extension, critical in (
        # No intermediate CA below this one: certificates that it signs cannot sign others.
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(certificates=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (_constraints(hosts), True),
    ):
        builder = builder.add_extension(extension, critical)
    return CertifiedKey(builder.sign(key, hashes.SHA256()), key)


def make_leaf(authority: CertifiedKey, host: str, now: datetime) -> CertifiedKey:
    """Make the certificate of one host.

    :param host: a name in its ASCII form, or an address.
    :param now: timezone-aware, the start of its lifetime, which ends no later than the CA's.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    address = _address(host)
    # OpenSSL checks the common name against the permitted names, even if it is an address: such leaves have none.
    named = address is None and len(host) <= _LONGEST_NAME
    name = [x509.NameAttribute(NameOID.COMMON_NAME, host)] if named else []
    ca = authority.certificate
    # A leaf that outlives its CA is refused by some clients only, which would be hard to diagnose.
    builder = _begin(x509.Name(name), key, now, min(LEAF_LIFE, ca.not_valid_after_utc - now)).issuer_name(ca.subject)
    alternative: x509.GeneralName = x509.IPAddress(address) if address else x509.DNSName(host)
    for extension, critical in (
        # Without a subject the alternative names must be critical (RFC 5280 section 4.2.1.6).
        (x509.SubjectAlternativeName([alternative]), not name),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        # After a renewal two CAs have the same subject: this tells a client which of them has signed.
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return CertifiedKey(builder.sign(authority.key, hashes.SHA256()), key)


def constrained_to(certificate: x509.Certificate) -> frozenset[str]:
    """Return the hosts that a CA may vouch for; empty if it has no constraints."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(each.value).partition("/")[0] for each in constraints.permitted_subtrees or ())


def is_good(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether a certificate is valid, and will remain so for some time."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - MARGIN


def utc_now() -> datetime:
    """Return the current time, timezone-aware."""
    return datetime.now(UTC)


def _begin(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, public_key=key.public_key())
    # Sequential numbers would repeat with every new CA, and browsers refuse two certificates with the same number.
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - SKEW).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints(hosts: Iterable[str]) -> x509.NameConstraints:
    """Permit hosts. A type of name without permitted entries is excluded as a whole: permitted names bind only their
    type.
    """
    addresses = {host: _address(host) for host in hosts}
    permitted: list[x509.GeneralName] = [
        x509.DNSName(host) for host, address in sorted(addresses.items()) if not address
    ]
    networks = [x509.IPAddress(ip_network(address)) for _, address in sorted(addresses.items()) if address]
    excluded: list[x509.GeneralName] = []
    if not networks:
        excluded += [x509.IPAddress(network) for network in _EVERY_ADDRESS]
    if not permitted:
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints([*permitted, *networks], excluded or None)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
