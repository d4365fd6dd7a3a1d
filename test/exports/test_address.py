"""Where an exchange went, out of its record."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.address import exchange_url, forwarded_path, host_of, is_known
from test.exports.records import UPSTREAMS, make_record, make_request


class AddressTests(SynchronousTestCase):
    """URLs of upstreams that are known, and of those that are not."""

    def test_known(self) -> None:
        """The base of the upstream, and the path without the segment that chose it."""
        record = make_record(upstream="local", request=make_request(path="/local/v1/x?a=b"))
        self.assertEqual(exchange_url(record, UPSTREAMS), "http://127.0.0.1:9/base/v1/x?a=b")
        self.assertTrue(is_known(record, UPSTREAMS))

    def test_what_was_really_asked(self) -> None:
        """The record's own word comes before what the upstream's NAME means today, or means to nobody."""
        asked = make_record(upstream="local") | {"upstream_url": "https://api.z.ai/api/paas"}
        for upstreams in (UPSTREAMS, {}):
            self.assertEqual(exchange_url(asked, upstreams), "https://api.z.ai/api/paas/v1/messages?beta=true")
            self.assertTrue(is_known(asked, upstreams))
        self.assertFalse(is_known(make_record(upstream="x") | {"upstream_url": "javascript:1"}, {}))

    def test_unknown(self) -> None:
        """A host that nobody can answer for, even where the name is no host's."""
        record = make_record(upstream="My Own!")
        self.assertEqual(exchange_url(record, {}), "https://my-own.invalid/v1/messages?beta=true")
        self.assertFalse(is_known(record, {}))
        self.assertTrue(exchange_url(make_record(upstream=None), {}).startswith("https://unknown-upstream.invalid/"))

    def test_segments_that_only_look_like_the_name(self) -> None:
        """Only a whole segment chooses an upstream."""
        for path, forwarded in (("/anthropic2/x", "/anthropic2/x"), ("/anthropic", "/"), ("/anthropic?a", "/?a")):
            self.assertEqual(forwarded_path(make_record(request=make_request(path=path))), forwarded)

    def test_hosts(self) -> None:
        """The authority as ``Host`` names it."""
        self.assertEqual(host_of("http://127.0.0.1:9/base"), "127.0.0.1:9")
