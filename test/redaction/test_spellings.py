"""Passwords and keys are found however they are written, at each depth of quoting; what is said about them stays."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor
from ccsproxy.redaction.search.rules import default_rules
from test.redaction.spellings import HARMLESS, KEYS, LINES, PASSWORDS, nested, spelled

#: Synthetic, and obviously so to who reads on: a word, a year, letters and signs.
_PASSWORDS = ("Hunter" + "2xyzQ9", "Winter" + "2026!", "xK9#mP" + "2&vL7q", "letmein" + "99x", "kQ7vR2" + "mZ9pLw4")
_KEYS = ("kQ7vR2mZ9pLw4XyT" + "8bNc3HdF6gJs1Ae0", "a8f5f167f44f4964" + "e6c998dee827110c")


class SpellingTests(SynchronousTestCase):
    """A secret is known by what stands around it."""

    def assert_gone(self, text: str, value: str) -> None:
        """Fail where a half of a value is left."""
        clean = Redactor().text(text)
        half = len(value) // 2
        self.assertFalse(value[:half] in clean and value[:half] not in text.replace(value, ""), text)
        self.assertNotIn(value[half:], clean, text)

    def test_passwords(self) -> None:
        """In sentences, commands, addresses, code, settings, tables, logs."""
        for value in _PASSWORDS:
            for text in spelled(value, PASSWORDS):
                if "&" in value and ("?user=" in text or "&pwd=" in text):
                    continue  # there it ends the value
                self.assert_gone(text, value)

    def test_keys(self) -> None:
        """The same with what programs make."""
        for value in _KEYS:
            for text in spelled(value, KEYS):
                self.assert_gone(text, value)

    def test_lines(self) -> None:
        """Where name and value are on lines of their own, or coloured."""
        for value in _PASSWORDS:
            for text in LINES:
                self.assert_gone(text.replace("@", value), value)

    def test_json_in_json(self) -> None:
        """At each depth of quoting, other alphabets escaped."""
        value = _PASSWORDS[0]
        for depth in (1, 2, 3):
            for text in spelled(value, PASSWORDS):
                self.assert_gone(nested(text, depth), value)

    def test_readers_of_files(self) -> None:
        """With what a reader of files or a search puts before each line."""
        value = _PASSWORDS[0]
        for prefix in ("{:6}\u2192", "{}\t", "{:4} | ", "src/a.txt:{}:", "+", "> "):
            for number, text in enumerate(spelled(value, PASSWORDS), 1):
                self.assert_gone("first line\n" + prefix.format(number) + text + "\nlast line", value)

    def test_what_is_said_about_passwords_stays(self) -> None:
        """Prose, code and commands without a secret."""
        for text in HARMLESS.strip().splitlines():
            found = default_rules().find(text)
            self.assertEqual(found, [], text)
