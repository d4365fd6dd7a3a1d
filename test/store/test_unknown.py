"""What is said of filter values that no record has."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import parse_query
from ccsproxy.store.unknown import nearest, unknown_values

KNOWN: dict[str, list[Any]] = {
    "model": ["claude-opus-4-5", "claude-haiku-4-5", "gpt-5.2-codex"],
    "client": ["claude-code", "codex", "gemini-cli", "qwen"],
    "cwd": ["/home/dev/shop", "/home/dev/blog"],
    "tool": ["Bash", "Read"],
    "status": [200, 529],
}


def said(q: str = "", **fields: str) -> list[str]:
    return unknown_values(parse_query({"q": q, **fields}), KNOWN)


class UnknownTests(SynchronousTestCase):
    """One sentence for each value, and none for those that are met."""

    def test_a_slip(self) -> None:
        """The nearest value is named, also by a word of it; of two as near, the more frequent."""
        self.assertEqual(said(model="opuss"), ["no model 'opuss' was recorded; nearest: claude-opus-4-5"])
        self.assertEqual(said(client="claude-cod"), ["no client 'claude-cod' was recorded; nearest: claude-code"])
        self.assertEqual(said(cwd="/dev/shopp"), ["no project '/dev/shopp' was recorded; nearest: /home/dev/shop"])
        self.assertEqual(nearest("claude", KNOWN["model"]), "claude-opus-4-5")

    def test_nothing_near(self) -> None:
        """What there is is named, and how much more."""
        self.assertEqual(said(client="emacs"), ["no client 'emacs' was recorded; there are claude-code, codex, gemini-cli and 1 more"])  # fmt: skip  # noqa: E501
        self.assertEqual(said(tool="Xyzzy"), ["no tool 'Xyzzy' was recorded; there are Bash, Read"])

    def test_only_what_is_unknown(self) -> None:
        """Of several values each for itself; a number that was met is known; of a field that nobody met nothing is said."""  # fmt: skip  # noqa: E501
        self.assertEqual(said(model="gpt-5.2-codex,gpt-5"), ["no model 'gpt-5' was recorded; nearest: gpt-5.2-codex"])
        self.assertEqual(said(status="529", upstream="whoever"), [])
        self.assertEqual(unknown_values(parse_query({"model": "x"}), {}), [])

    def test_the_query_language(self) -> None:
        """A value that is contained in one is met; a sign before the field asks for what is not there."""
        self.assertEqual(said("model:opus client:CODE tool:bas project:shop"), [])
        self.assertEqual(said("model:opuss,haiku"), ["no model 'opuss' was recorded; nearest: claude-opus-4-5"])
        self.assertEqual(said("-model:opuss words status:>400 since:7d"), [])
        self.assertEqual(said("project:shoop tool:Raed"), ["no project 'shoop' was recorded; nearest: /home/dev/shop",
                                                          "no tool 'Raed' was recorded; nearest: Read"])  # fmt: skip
