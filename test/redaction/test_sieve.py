"""Tests for `ccsproxy.redaction.sieve`: what it lets pass holds nothing that the search would find."""

import glob
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor
from ccsproxy.redaction.sieve import suspicious
from ccsproxy.redaction.tree import texts_of
from test.redaction.test_text import FRAMES, SECRETS

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

    find = Redactor._search

    def _is_clean(self, value: Any) -> bool:
        return False

    def _is_clean_stream(self, text: str, kind: str, gathered: Any = None) -> bool:
        return False


class SieveTests(SynchronousTestCase):
    """It may suspect in vain; it never lets a secret pass."""

    @given(st.lists(TEXTS, max_size=6))
    @settings(max_examples=1500, deadline=None)
    def test_whatever_is_found_is_suspicious(self, texts: list[str]) -> None:
        """If the search finds something in one of the texts, they are suspicious together, in any company."""
        redactor = Thorough()
        redactor.learn(KNOWN)
        if any(redactor.find(text) for text in texts):
            self.assertTrue(suspicious(texts, [KNOWN]))
            self.assertFalse(redactor.holds_none(texts))

    @given(TEXTS)
    @settings(max_examples=1500, deadline=None)
    def test_searching_thoroughly_finds_no_more(self, text: str) -> None:
        """A long text is searched only where it is suspicious, with the same result."""
        quick, thorough = Redactor(), Thorough()
        for each in (quick, thorough):
            each.learn(KNOWN)
        for each_text in (text, text * 9, "word " * 40 + text):
            self.assertEqual(quick.find(each_text), thorough.find(each_text))

    @given(TEXTS, TEXTS)
    @settings(max_examples=500, deadline=None)
    def test_neighbours_hide_nothing(self, before: str, after: str) -> None:
        """No text that stands beside one takes its secret's place."""
        for secret in SECRETS:
            self.assertTrue(suspicious([before, f"see {secret}", after]))

    def test_every_shape_in_every_frame(self) -> None:
        """Each shape of secret is suspicious wherever it stands."""
        for secret in SECRETS:
            for frame in FRAMES:
                self.assertTrue(suspicious([frame.format(secret)]), (frame, secret))

    def test_secrets_behind_much_text(self) -> None:
        """All texts are looked at, however long and however many."""
        self.assertTrue(suspicious(["word " * 50_000, *["more"] * 50_000, SECRETS[0]]))

    def test_beginning_of_a_known_secret(self) -> None:
        """So much of a known secret as is searched for is suspicious."""
        self.assertTrue(suspicious([f"bad key {KNOWN[:8]}"], [KNOWN]))
        self.assertFalse(suspicious([f"bad key {KNOWN[:7]}"], [KNOWN]))

    def test_ordinary_text_passes(self) -> None:
        """Of the standard library's sources few are held up: the sieve is worth its cost."""
        texts = []
        for path in sorted(glob.glob(f"{os.path.dirname(os.__file__)}/*.py"))[:60]:
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        pieces = [text[at : at + 2000] for text in texts for at in range(0, len(text), 2000)]
        self.assertLess(sum(suspicious([piece]) for piece in pieces), len(pieces) / 100)


NAMES = st.sampled_from(["a", "note", "api_key", "tokens", "code", "grant_type", "_events", "properties", "x" * 70])
VALUES = st.recursive(
    TEXTS | st.none() | st.integers() | st.just("plain words"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=12,
)


class TreeTests(SynchronousTestCase):
    """A tree is left alone only where redacting it would change nothing."""

    @given(VALUES)
    @settings(max_examples=1000, deadline=None)
    def test_clean_trees_are_those_without_secrets(self, value: Any) -> None:
        """Looking at all texts together and redacting one by one come to the same."""
        quick, thorough = Redactor(), Thorough()
        for each in (quick, thorough):
            each.learn(KNOWN)
        self.assertEqual(quick.tree(value), thorough.tree(value))
        self.assertEqual(quick.count, thorough.count)

    def test_schemas_and_words_need_no_care(self) -> None:
        """Keys that only look secret do not make a tree one to be looked at leaf by leaf."""
        schema = {"properties": {"token": {"type": "string"}, "code": {"type": "string"}}}
        self.assertIsNotNone(texts_of({"tools": [schema], "top": [{"token": "a", "logprob": -1}]}))
        self.assertIsNone(texts_of({"token": "a"}))
        self.assertIsNone(texts_of({"a": [{"_unparsed": ["b"]}]}))
