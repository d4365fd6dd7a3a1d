"""Tests of the arguments of ``ccsproxy hub`` for login with OpenID Connect."""

import argparse
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import ConfigError
from ccsproxy.tools.main import build_parser
from ccsproxy.tools.service.hub_login import KEY_BYTES, check_login, login_settings, public_name

ISSUER = ("--oidc-issuer", "https://login.example.com", "--oidc-client-id", "hub")
OWN_URL = "http://127.0.0.1:8788"


def parsed(*argv: str) -> argparse.Namespace:
    """Return the arguments of a hub that reads a folder."""
    return build_parser(["hub"]).parse_args(["hub", "--from", "file:///tmp", *argv])


class CheckTests(SynchronousTestCase):
    """Arguments that contradict each other are refused before anything is opened."""

    def refused(self, *argv: str) -> str:
        """Return the sentence with which arguments are refused."""
        return str(self.assertRaises(ConfigError, check_login, parsed(*argv)))

    def test_nothing_asked(self) -> None:
        """Without an issuer there is nothing to check, and no login."""
        check_login(parsed())
        self.assertIsNone(login_settings(parsed(), OWN_URL))

    def test_options_without_an_issuer(self) -> None:
        """An option of a login that there is none of would be ignored in silence."""
        self.assertIn("--oidc-issuer", self.refused("--oidc-client-id", "hub"))

    def test_two_ways_to_name_people(self) -> None:
        """A header and a login could name two people for one request."""
        self.assertIn("--auth-header", self.refused(*ISSUER, "--auth-header", "X-User"))

    def test_no_client_id(self) -> None:
        """The provider has to know who asks."""
        self.assertIn("--oidc-client-id", self.refused(*ISSUER[:2]))

    def test_an_issuer_in_the_clear(self) -> None:
        """A provider is never asked over a network without TLS."""
        self.assertIn("not an https URL", self.refused("--oidc-issuer", "http://login.example.com", *ISSUER[2:]))

    def test_hours_out_of_range(self) -> None:
        """A login ends, and within a week."""
        for hours in ("0", "-1", "169"):
            self.assertIn("168", self.refused(*ISSUER, "--session-hours", hours))


class SettingsTests(SynchronousTestCase):
    """The settings of a login, and files that hold its secrets."""

    def private(self, content: bytes, mode: int = 0o600) -> str:
        """Return the path of a file with these rights."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def test_defaults(self) -> None:
        """The loopback address is the public one, and each start has a key of its own."""
        first, second = (login_settings(parsed(*ISSUER), OWN_URL) for _ in range(2))
        assert first is not None and second is not None
        self.assertEqual((first.issuer, first.client_id, first.public_url), (ISSUER[1], "hub", OWN_URL))
        self.assertEqual((first.session_seconds, first.secret), (8 * 3600, ""))
        self.assertNotEqual(first.session_key, second.session_key)
        self.assertEqual(len(first.session_key), KEY_BYTES)

    def test_files(self) -> None:
        """Key and secret come from files, the secret without its line end."""
        key, secret = self.private(b"k" * KEY_BYTES), self.private(b"made-up\n")
        given = login_settings(parsed(*ISSUER, "--session-key-file", key, "--oidc-secret-file", secret), OWN_URL)
        assert given is not None
        self.assertEqual((given.session_key, given.secret), (b"k" * KEY_BYTES, "made-up"))

    def test_a_short_key(self) -> None:
        """A key that can be guessed protects nothing."""
        args = parsed(*ISSUER, "--session-key-file", self.private(b"short"))
        self.assertIn("32 random bytes", str(self.assertRaises(ConfigError, login_settings, args, OWN_URL)))

    def test_a_file_that_is_not_there(self) -> None:
        """The option and the file are named."""
        args = parsed(*ISSUER, "--oidc-secret-file", "/nowhere/secret")
        message = str(self.assertRaises(ConfigError, login_settings, args, OWN_URL))
        self.assertIn("--oidc-secret-file", message)
        self.assertIn("/nowhere/secret", message)

    def test_public_urls(self) -> None:
        """A URL with a path, or in the clear, is no address for a login."""
        for url in ("https://hub.example.com/page", "http://hub.example.com", "hub"):
            args = parsed(*ISSUER, "--public-url", url)
            self.assertIn("--public-url", str(self.assertRaises(ConfigError, login_settings, args, OWN_URL)))
        self.assertEqual(public_name(parsed(*ISSUER, "--public-url", "https://hub.example.com")), ["hub.example.com"])
        self.assertEqual(public_name(parsed(*ISSUER)), [])
