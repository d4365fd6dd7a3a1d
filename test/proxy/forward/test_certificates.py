"""The certificates of interception, judged by OpenSSL: what the authority may vouch for is accepted alone."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.hosts import MODEL_HOSTS
from ccsproxy.proxy.forward.certificates import (
    CertifiedKey,
    constrained_to,
    is_good,
    make_authority,
    make_leaf,
    read_identity,
)

NOW = datetime.now(UTC).replace(microsecond=0)
HOSTS = ("api.anthropic.com", "openai.azure.com", "10.0.0.5")


def judged(authority: CertifiedKey, leaf: CertifiedKey, at: datetime | None = None):
    """Return None when OpenSSL accepts a leaf, else what it says."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(authority.certificate))
    if at is not None:
        store.set_time(at)
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf.certificate)).verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error)
    return None


class Constraints(SynchronousTestCase):
    """What an authority can vouch for."""

    def setUp(self):
        self.authority = make_authority(HOSTS, NOW)

    def test_hosts_and_names_below_them_are_accepted(self):
        for host in ("api.anthropic.com", "mine.openai.azure.com", "10.0.0.5"):
            self.assertIsNone(judged(self.authority, make_leaf(self.authority, host, NOW)), host)

    def test_other_hosts_are_refused(self):
        for host in (
            "example.com",
            "anthropic.com",
            "api.anthropic.com.evil.example",
            "evilapi.anthropic.com",
            "10.0.0.6",
        ):
            said = judged(self.authority, make_leaf(self.authority, host, NOW))
            self.assertIn("permitted subtree violation", said or "accepted", host)

    def test_addresses_are_refused_where_only_names_are_permitted(self):
        authority = make_authority(["api.anthropic.com"], NOW)
        for host in ("10.0.0.5", "127.0.0.1", "::1"):
            self.assertIn(
                "excluded subtree violation", judged(authority, make_leaf(authority, host, NOW)) or "accepted"
            )

    def test_names_are_refused_where_only_addresses_are_permitted(self):
        authority = make_authority(["10.0.0.5"], NOW)
        self.assertIsNone(judged(authority, make_leaf(authority, "10.0.0.5", NOW)))
        self.assertIsNotNone(judged(authority, make_leaf(authority, "example.com", NOW)))

    def test_constraints_are_critical_and_can_be_read_back(self):
        extension = self.authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        self.assertTrue(extension.critical)
        self.assertEqual(constrained_to(self.authority.certificate), frozenset(HOSTS))
        leaf = make_leaf(self.authority, "api.anthropic.com", NOW)
        self.assertEqual(constrained_to(leaf.certificate), frozenset())

    def test_leaf_cannot_vouch_for_another(self):
        leaf = make_leaf(self.authority, "api.anthropic.com", NOW)
        self.assertIsNotNone(judged(leaf, make_leaf(leaf, "api.anthropic.com", NOW)))

    def test_every_known_host(self):
        authority = make_authority(MODEL_HOSTS, NOW)
        for host in MODEL_HOSTS:
            self.assertIsNone(judged(authority, make_leaf(authority, host, NOW)), host)


class Lives(SynchronousTestCase):
    """How long certificates are good for."""

    def setUp(self):
        self.authority = make_authority(HOSTS, NOW)

    def test_authority_lives_two_years_and_a_leaf_one(self):
        leaf = make_leaf(self.authority, "api.anthropic.com", NOW)
        self.assertEqual(self.authority.certificate.not_valid_after_utc, NOW + timedelta(days=730))
        self.assertEqual(leaf.certificate.not_valid_after_utc, NOW + timedelta(days=365))

    def test_leaf_ends_with_its_authority(self):
        late = NOW + timedelta(days=700)
        leaf = make_leaf(self.authority, "api.anthropic.com", late)
        self.assertEqual(leaf.certificate.not_valid_after_utc, self.authority.certificate.not_valid_after_utc)

    def test_clock_that_is_a_day_behind_accepts_them(self):
        leaf = make_leaf(self.authority, "api.anthropic.com", NOW)
        self.assertIsNone(judged(self.authority, leaf, NOW - timedelta(days=1)))

    def test_good_until_a_month_before_the_end(self):
        certificate = self.authority.certificate
        self.assertTrue(is_good(certificate, NOW + timedelta(days=699)))
        self.assertFalse(is_good(certificate, NOW + timedelta(days=701)))
        self.assertFalse(is_good(certificate, NOW - timedelta(days=3)))


class Forms(SynchronousTestCase):
    """What they are made of."""

    def test_keys_are_p256_and_never_the_same(self):
        authority = make_authority(HOSTS, NOW)
        leaves = [make_leaf(authority, "api.anthropic.com", NOW) for _ in range(2)]
        for each in (authority, *leaves):
            self.assertIsInstance(each.key.curve, ec.SECP256R1)
        self.assertEqual(len({each.certificate.serial_number for each in (authority, *leaves)}), 3)

    def test_long_name_goes_into_the_alternative_name_alone(self):
        host = ".".join(["a" * 40, "b" * 40, "openai.azure.com"])
        authority = make_authority(HOSTS, NOW)
        leaf = make_leaf(authority, host, NOW)
        self.assertEqual(list(leaf.certificate.subject), [])
        self.assertIsNone(judged(authority, leaf))

    def test_pem_there_and_back(self):
        authority = make_authority(HOSTS, NOW)
        again = read_identity(authority.certificate_pem, authority.key_pem)
        self.assertTrue(again.matches)
        self.assertEqual(again.certificate, authority.certificate)
        self.assertFalse(CertifiedKey(make_authority(HOSTS, NOW).certificate, authority.key).matches)

    def test_what_is_no_identity(self):
        authority = make_authority(HOSTS, NOW)
        for certificate, key in (
            (b"", authority.key_pem),
            (authority.certificate_pem, b"x"),
            (authority.key_pem, b""),
        ):
            with self.assertRaises(ValueError):
                read_identity(certificate, key)

    def test_key_is_not_shown(self):
        self.assertNotIn("key", repr(make_authority(HOSTS, NOW)))
