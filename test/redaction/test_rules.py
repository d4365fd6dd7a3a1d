"""Tests for `ccsproxy.redaction.search.rules`: texts that are let pass together hold nothing, each by itself."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor, Rules
from ccsproxy.redaction.search.rules import default_rules
from ccsproxy.redaction.tree import texts_of
from test.effort import effort
from test.redaction.test_text import SECRETS, bare

KNOWN = "canary-5b1e9f7c3a2d"
#: What secrets, and texts that nearly hold one, are made of.
PARTS = (
    *("sk-", "sk-ant-", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AKIA", "ASIA", "xoxb-"),
    *("xoxs-", "eyJ", ".eyJ", "-----BEGIN ", "PRIVATE KEY-----", "-----END ", "RSA ", "Bearer ", "basic "),
    *("Basic dTpwYXNzd29yZA==", "://", "?key=", "&sig=", "u:pass", "@h/", "/?a=b", "abcdefghijklmnopqrst"),
    *("A1b2C3d4E5f6G7h8I9j0", "0123456789ABCDEF", '"api_key"', "'token'", '\\"password\\"', '"tokens"', '"note"'),
    *(":", " : ", '"', "'", '\\"', "\\", "{", "}", "[", "]", "value", "\n", " ", "é", "\u2019", "\U0001f600"),
    *("\ud800", "-", "_", ",", KNOWN, KNOWN[:9], KNOWN[:7], PLACEHOLDER),
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), max_size=8).map("".join)


class Thorough(Redactor):
    """Searches everything, leaf by leaf."""

    def _is_clean(self, value: Any) -> bool:
        return False

    def _is_clean_stream(self, text: str, kind: str, gathered: Any = None) -> bool:
        return False


class TogetherTests(SynchronousTestCase):
    """Looking at texts together may suspect in vain; it never lets a secret pass."""

    @given(st.lists(TEXTS, max_size=6))
    @settings(max_examples=effort(200), deadline=None)
    def test_whatever_is_found_is_suspicious(self, texts: list[str]) -> None:
        """If the search finds something in one of the texts, they are suspicious together, in any company."""
        redactor = Redactor()
        redactor.learn(KNOWN)
        if any(redactor.find(text) for text in texts):
            self.assertFalse(redactor.holds_none(texts))

    @given(TEXTS, TEXTS)
    @settings(max_examples=effort(100), deadline=None)
    def test_neighbours_hide_nothing(self, before: str, after: str) -> None:
        """No text that stands beside one takes its secret's place."""
        for secret in SECRETS:
            self.assertTrue(default_rules().may_hold([before, f"see {secret}", after]))

    def test_secrets_behind_much_text(self) -> None:
        """All texts are looked at, however long and however many."""
        self.assertTrue(default_rules().may_hold(["word " * 50_000, *["more"] * 50_000, SECRETS[0]]))

    def test_a_long_text_by_itself(self) -> None:
        """One that is remembered is suspicious, too, and nothing else is."""
        rules = default_rules()
        for _ in range(2):
            self.assertTrue(rules.may_hold([f"{'word ' * 5_000}{SECRETS[0]}"]))
            self.assertFalse(rules.may_hold(["word " * 5_000]))

    def test_beginning_of_a_known_secret(self) -> None:
        """So much of a known secret as is searched for is suspicious."""
        redactor = Redactor()
        redactor.learn(KNOWN)
        self.assertFalse(redactor.holds_none([f"bad key {KNOWN[:8]}"]))
        self.assertTrue(redactor.holds_none([f"bad key {KNOWN[:7]}"]))


class OwnPatternTests(SynchronousTestCase):
    """The user's own expressions."""

    def test_further_secrets(self) -> None:
        """What an expression matches is replaced, letters beyond ASCII before it or not."""
        redactor = Redactor(rules=Rules(patterns=[r"ACME-[0-9]{6}"]))
        self.assertEqual(bare(redactor.text("é: ACME-123456, ACME-12")), f"é: {PLACEHOLDER}, ACME-12")

    def test_each_text_by_itself(self) -> None:
        """An expression says where a text begins and ends, however short that is and whatever is beside it."""
        for pattern in ("^A[0-9]{4}$", "A[0-9]{4}", r"\AA[0-9]+\b"):
            redactor = Redactor(rules=Rules(patterns=[pattern]))
            clean = redactor.tree({"a": "A1234", "b": ["some words", "A1234"]})
            self.assertEqual([bare(clean["a"]), bare(clean["b"][1])], [PLACEHOLDER, PLACEHOLDER], pattern)
            self.assertNotIn("A1234", redactor.stream('data: {"a":"A1234"}\n\n', "sse"))

    def test_our_own_words(self) -> None:
        """Placeholders stay whatever an expression matches, so that redacting again changes nothing."""
        for pattern in ("[a-z]+", "redacted", r"[<>]", "hello.*world"):
            redactor = Redactor(rules=Rules(patterns=[pattern]))
            once = redactor.text(f"hello {PLACEHOLDER} and <redacted:github-token:7f3a>, world")
            self.assertIn("<redacted:github-token:7f3a>", once)
            self.assertEqual(redactor.text(once), once)

    def test_what_is_none(self) -> None:
        """A finding that an expression matches as a whole stays; one that it matches in part does not."""
        redactor = Redactor(rules=Rules(keep=["AKIA[A-Z0-9]{12}TEST"]))
        self.assertEqual(redactor.text("id AKIAA1B2C3D4E5F6TEST"), "id AKIAA1B2C3D4E5F6TEST")
        self.assertNotIn("AKIAA1B2C3D4E5F6G7H8", redactor.text("id AKIAA1B2C3D4E5F6G7H8"))

    def test_bad_expressions(self) -> None:
        """What is no expression, matches everywhere or cannot be searched in linear time is refused with a reason."""
        for pattern in ("(", "a*", "(?=a)b", "[z-a]"):
            with self.assertRaises(ValueError):
                Rules(patterns=[pattern])


NAMES = st.sampled_from(["a", "note", "api_key", "tokens", "code", "grant_type", "_events", "properties", "x" * 70])
VALUES = st.recursive(
    TEXTS | st.none() | st.integers() | st.just("plain words"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=12,
)


class TreeTests(SynchronousTestCase):
    """A tree is left alone only where redacting it would change nothing."""

    @given(VALUES)
    @settings(max_examples=effort(150), deadline=None)
    def test_clean_trees_are_those_without_secrets(self, value: Any) -> None:
        """Looking at all texts together and redacting one by one come to the same."""
        quick, thorough = Redactor(), Thorough()
        for each in (quick, thorough):
            each.learn(KNOWN)
        self.assertEqual(quick.tree(value), thorough.tree(value))
        self.assertEqual(quick.count, thorough.count)

    def test_a_text_is_a_tree(self) -> None:
        """A value that is nothing but a text is searched like any other."""
        self.assertEqual([list(texts_of(value) or ()) for value in ("word", ["word"], 7)], [["word"], ["word"], []])

    def test_schemas_and_words_need_no_care(self) -> None:
        """Keys that only look secret do not make a tree one to be looked at leaf by leaf."""
        schema = {"properties": {"token": {"type": "string"}, "code": {"type": "string"}}}
        self.assertIsNotNone(texts_of({"tools": [schema], "top": [{"token": "a", "logprob": -1}]}))
        self.assertIsNotNone(texts_of({"token": "a", "api_key": "IDENTIFIER"}))
        self.assertIsNone(texts_of({"api_key": "x9yz-81kq"}))
        self.assertIsNone(texts_of({"a": [{"_unparsed": ["b"]}]}))
