"""The certificates of interception: an authority that can vouch for certain hosts only, and what it vouches for.

The authority's name constraints (RFC 5280 section 4.2.1.10) bind every client that checks them: even with its key in
hand nobody can make a certificate for another host that such a client accepts. All keys are ECDSA P-256.
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

#: How long certificates are good for, and how much earlier than now they begin, for clocks that differ.
AUTHORITY_LIFE, LEAF_LIFE, SKEW = timedelta(days=730), timedelta(days=365), timedelta(days=2)
#: A certificate that ends sooner than this is made anew.
MARGIN = timedelta(days=30)
_EVERY_ADDRESS: tuple[IPv4Network | IPv6Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
#: A common name may have 64 characters (RFC 5280, ub-common-name).
_LONGEST_NAME = 64

Address = IPv4Address | IPv6Address


@attr.frozen
class CertifiedKey:
    """A certificate with its key, which no representation shows."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = attr.field(repr=False)

    @property
    def matches(self) -> bool:
        """Whether the key belongs to the certificate."""
        return self.certificate.public_key() == self.key.public_key()

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone, without its key, as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, unencrypted: for a file that only its owner reads."""
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)


def read_identity(certificate: bytes, key: bytes) -> CertifiedKey:
    """Read a certificate and its key.

    :param certificate: in PEM.
    :param key: in PEM.
    :raises ValueError: when they are not what they should be.
    """
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError as error:  # it is encrypted
        raise ValueError("the key is encrypted") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is none of an elliptic curve")
    return CertifiedKey(x509.load_pem_x509_certificate(certificate), private)


def make_authority(hosts: Iterable[str], now: datetime) -> CertifiedKey:
    """Make a certificate authority for some hosts, the names below them included, and no others.

    :param hosts: names and addresses, in lower case.
    :param now: aware, the time from which its life is counted.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ccsproxy, recorder on this machine")])
    builder = _begin(subject, key, now, AUTHORITY_LIFE).issuer_name(subject)
    for extension, critical in (
        # No authority below this one: what it signs can vouch for nobody else.
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
    :param now: aware, the time from which its life is counted; it ends no later than the authority's.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    address = _address(host)
    # OpenSSL checks a common name against the names that are permitted, an address too: such leaves have none.
    named = address is None and len(host) <= _LONGEST_NAME
    name = [x509.NameAttribute(NameOID.COMMON_NAME, host)] if named else []
    ca = authority.certificate
    # A leaf that outlives its authority is refused by some clients only, which nobody would understand.
    builder = _begin(x509.Name(name), key, now, min(LEAF_LIFE, ca.not_valid_after_utc - now)).issuer_name(ca.subject)
    alternative: x509.GeneralName = x509.IPAddress(address) if address else x509.DNSName(host)
    for extension, critical in (
        # Without a subject the names must be critical (RFC 5280 section 4.2.1.6).
        (x509.SubjectAlternativeName([alternative]), not name),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        # After a renewal two authorities have the same subject: by this a client tells which of them has signed.
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return CertifiedKey(builder.sign(authority.key, hashes.SHA256()), key)


def constrained_to(certificate: x509.Certificate) -> frozenset[str]:
    """Return the hosts that an authority may vouch for; empty when it has no constraints."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(each.value).partition("/")[0] for each in constraints.permitted_subtrees or ())


def is_good(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether a certificate is valid, and will be for some time."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - MARGIN


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def _begin(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, public_key=key.public_key())
    # Counted numbers would come again with every new authority, and browsers refuse two certificates of one number.
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
    """Permit hosts. A kind of name of which none is permitted is excluded as a whole: a list binds only its kind."""
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
