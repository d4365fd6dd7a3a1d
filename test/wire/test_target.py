"""Tests for `ccsproxy.wire.target`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.target import BadTarget, parse_authority, route, split_target, with_base_path
from test.effort import effort

NAMES = {b"openai", b"anthropic"}
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map(str.encode)

BAD_TARGETS = (
    b"", b"*", b"a/b", b"@evil/", b".evil/a", b"host:443", b"http:/a", b"http:///a", b"http://u:p@a/", b"ftp://a/",
    b"http://a:b/", b"/a b", b"/\x7f", b"/\x80", b"/a\x00", b"\\a", b"?a",
)  # fmt: skip
BAD_AUTHORITIES = (
    b"", b" ", b"a b", b"a,b", b"u@a", b"a/", b"a:b", b"a:0", b"a:65536", b"a:+1", b"a:1:2", b"::1", b"[::1",
    b"a\\b", b"\xe4", b"a:000080",
)  # fmt: skip


class SplitTargetTests(SynchronousTestCase):
    """Which targets are accepted, and as what."""

    @settings(max_examples=effort(200), deadline=None)
    @given(VISIBLE)
    def test_every_visible_byte_of_origin_form_is_kept(self, rest: bytes) -> None:
        """A target that starts with a slash is what it is."""
        self.assertEqual(split_target(b"/" + rest), (b"", b"/" + rest))

    def test_absolute_form_is_taken_apart(self) -> None:
        """The authority is told from the path; a missing path is a slash."""
        for target, expected in {
            b"http://Localhost:8787/a%2Fb?c": (b"Localhost:8787", b"/a%2Fb?c"),
            b"HTTPS://[::1]:1": (b"[::1]:1", b"/"),
            b"http://a?x=//b": (b"a", b"/?x=//b"),
            b"http://a//b": (b"a", b"//b"),
        }.items():
            self.assertEqual(split_target(target), expected)

    def test_everything_else_is_refused(self) -> None:
        """What is neither a path nor a plain URL raises."""
        for target in BAD_TARGETS:
            self.assertRaises(BadTarget, split_target, target)


class AuthorityTests(SynchronousTestCase):
    """Reading ``Host``."""

    def test_names_addresses_and_ports(self) -> None:
        """Names are lower-cased, brackets removed, an empty port is none."""
        for value, expected in {
            b"LocalHost": (b"localhost", None),
            b"127.0.0.1:8787": (b"127.0.0.1", 8787),
            b"[::1]:80": (b"::1", 80),
            b"[FE80::1]": (b"fe80::1", None),
            b"a:": (b"a", None),
        }.items():
            self.assertEqual(parse_authority(value), expected)

    def test_what_is_no_authority_is_refused(self) -> None:
        """Users, lists, spaces, paths, signs and ports out of range raise."""
        for value in BAD_AUTHORITIES:
            self.assertRaises(BadTarget, parse_authority, value)


class RouteTests(SynchronousTestCase):
    """Which upstream a target asks for."""

    def test_the_first_segment_selects(self) -> None:
        """A named segment is removed, and nothing else is touched."""
        for target, expected in {
            b"/openai/v1/responses?a=%2F": (b"openai", b"/v1/responses?a=%2F"),
            b"/openai": (b"openai", b"/"),
            b"/openai/": (b"openai", b"/"),
            b"/openai?x": (b"openai", b"/?x"),
            b"/openai//x": (b"openai", b"//x"),
            b"/openai/openai/x": (b"openai", b"/openai/x"),
            b"/anthropic/v1": (b"anthropic", b"/v1"),
        }.items():
            self.assertEqual(route(target, NAMES), expected)

    def test_every_other_path_is_unchanged(self) -> None:
        """Only the exact bytes of a name in the first place count."""
        for target in (
            b"/",
            b"//openai/v1",
            b"/OpenAI/v1",
            b"/openai%2Fv1",
            b"/openaix",
            b"/v1/openai",
            b"/?openai",
            b"/%6fpenai/",
            b"*",
        ):
            self.assertEqual(route(target, NAMES), (b"", target))


class BasePathTests(SynchronousTestCase):
    """Joining base path and target."""

    def test_it_is_put_before(self) -> None:
        """Bytes are joined, nothing is normalised."""
        self.assertEqual(with_base_path(b"/api", b"//a/../b"), b"/api//a/../b")
        self.assertEqual(with_base_path(b"", b"/a"), b"/a")

    def test_a_target_without_slash_cannot_be_joined(self) -> None:
        """No target can prolong a host name."""
        self.assertRaises(BadTarget, with_base_path, b"", b".evil.example/a")
