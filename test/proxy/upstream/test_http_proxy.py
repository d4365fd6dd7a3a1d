"""Tests of `ccsproxy.proxy.upstream.endpoints.http_proxy`: which upstream is reached through which proxy."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.model import Upstream
from ccsproxy.proxy.upstream.endpoints.http_proxy import CorporateProxy, ProxySettingError, excluded, proxy_for


def upstream(host: str = "api.example.com", scheme: str = "https", port: int = 443) -> Upstream:
    return Upstream(name="u", scheme=scheme, host=host, port=port)


class ProxyForTests(SynchronousTestCase):
    """The option first, the environment second, loopback never."""

    def test_nothing_is_direct(self) -> None:
        """Without option and environment there is no proxy."""
        self.assertIsNone(proxy_for(upstream(), None, {}))

    def test_the_option_wins(self) -> None:
        """The option beats every variable; `none` means direct."""
        environ = {"HTTPS_PROXY": "http://env:1", "NO_PROXY": "*"}
        self.assertEqual(proxy_for(upstream(), "http://opt:2", environ), CorporateProxy("opt", 2))
        self.assertIsNone(proxy_for(upstream(), "none", environ))

    def test_the_environment_by_scheme(self) -> None:
        """Each scheme has its variable, lower case first; an empty one does not count."""
        environ = {"HTTPS_PROXY": "http://s:1", "http_proxy": "p:2", "HTTP_PROXY": "http://not:3"}
        self.assertEqual(proxy_for(upstream(), None, environ), CorporateProxy("s", 1))
        self.assertEqual(proxy_for(upstream(scheme="http"), None, environ), CorporateProxy("p", 2))
        self.assertIsNone(proxy_for(upstream(), None, {"HTTPS_PROXY": ""}))

    def test_loopback_is_always_direct(self) -> None:
        """A mock on this machine is never asked for through a proxy."""
        for host in ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
            self.assertIsNone(proxy_for(upstream(host), "http://p:1", {"HTTPS_PROXY": "http://p:1"}), host)

    def test_the_login(self) -> None:
        """Userinfo becomes Basic credentials, decoded, and shows in no representation."""
        proxy = proxy_for(upstream(), "http://us%40er:p%3Aw@p:8080/", {})
        assert proxy is not None
        self.assertEqual(proxy.authorization, b"Basic dXNAZXI6cDp3")
        self.assertNotIn("dXNAZXI6cDp3", repr(proxy))

    def test_mistakes_are_named_without_the_login(self) -> None:
        """The sentence names the source and the right shape, never the secret."""
        for url in (
            "ftp://u:secret@p",
            "socks5://u:secret@p/x",
            "http://u:secret@p:x",
            "http://u:secret@p/x",
            "http://",
        ):
            error = self.assertRaises(ProxySettingError, proxy_for, upstream(), None, {"HTTPS_PROXY": url})
            self.assertIn("HTTPS_PROXY must be", str(error))
            self.assertNotIn("secret", str(error))

    def test_kinds(self) -> None:
        """Proxies that speak TLS or SOCKS5 are used; names go to a SOCKS proxy as they are."""
        for url, scheme, port in (
            ("https://p", "https", 443),
            ("socks5://u:s%20x@p", "socks5", 1080),
            ("socks5h://p:9050", "socks5", 9050),
        ):
            proxy = proxy_for(upstream(), None, {"HTTPS_PROXY": url})
            assert proxy is not None
            self.assertEqual((proxy.scheme, proxy.port), (scheme, port))
            self.assertNotIn("s x", repr(proxy))
        error = self.assertRaises(ProxySettingError, proxy_for, upstream(), None, {"HTTPS_PROXY": "socks4://p"})
        self.assertIn("--upstream-proxy none", str(error))
        self.assertIn("SOCKS", str(error))

    def test_no_proxy(self) -> None:
        """Names, domains, ports, address blocks and the star."""
        for entry, host, port, expected in (
            ("example.com", "api.example.com", 443, True),
            (".example.com", "api.example.com", 443, True),
            ("*.example.com", "api.example.com", 443, True),
            ("API.example.com", "api.example.com", 443, True),
            ("ple.com", "api.example.com", 443, False),
            ("a.b, api.example.com:443", "api.example.com", 443, True),
            ("api.example.com:80", "api.example.com", 443, False),
            ("10.0.0.0/8", "10.1.2.3", 443, True),
            ("10.0.0.0/8", "11.1.2.3", 443, False),
            ("[fd00::1]:443", "fd00::1", 443, True),
            ("fd00::/8", "fd00::1", 443, True),
            ("*", "anything", 1, True),
            ("", "anything", 1, False),
        ):
            self.assertEqual(excluded(host, port, entry), expected, (entry, host))
            environ = {"https_proxy": "p:1", "no_proxy": entry}
            self.assertEqual(proxy_for(upstream(host, port=port), None, environ) is None, expected)
