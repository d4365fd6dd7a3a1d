"""Secrets in declarations with a type, and behind flags that no command is known for."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor
from ccsproxy.redaction.search.rules import default_rules

#: Synthetic: letters and digits in no order.
_KEY = "kQ7vR2mZ9pLw4XyT" + "8bNc3HdF6gJs1Ae0"
_TOKEN = "ghp_" + "kQ7vR2mZ9pLw4XyT8bNc3HdF6gJs1Ae0q2Vx"

_DECLARED = """
let api_key: &str = "@";
let api_key: &'static str = "@";
const API_KEY: &str = "@";
let apiKey: String = "@"
const token: string = "@"
export const apiKey: string = '@';
public string ClientSecret { get; set; } = "@";
api_key: str = "@"
self.api_key: str = '@'
"""
_HARMLESS = """
const pageToken: string = "next-page-of-the-list";
let key: &str = "content-type-of-the-answer";
public string ApiKey { get; set; } = "your-api-key-here";
token: str = "IDENTIFIER"
export const tokenKey: string = 'settings.token.storage';
interface Login { password: string; token: string }
"AWS::Route53::KeySigningKey": "8f160014b4b0ca58",
v::Type2::ApiKey = "8f160014b4b0ca58"
"""


class TypedTests(SynchronousTestCase):
    """A type between name and value hides nothing."""

    def test_declarations(self) -> None:
        """In Rust, Swift, TypeScript, C# and Python, also as a member of JSON and with numbers of lines."""
        for line in _DECLARED.strip().splitlines():
            text = line.replace("@", _KEY)
            quoted = text.replace('"', '\\"')
            for form in (text, f'{{"stdout": "{quoted}\\n"}}', f"    12\u2192{text}", f"+{text}"):
                self.assertNotIn(_KEY[8:], Redactor().text(form), form)

    def test_what_stays(self) -> None:
        """Words, placeholders and types."""
        for line in _HARMLESS.strip().splitlines():
            self.assertEqual([], default_rules().find(line), line)

    def test_behind_the_number_of_a_line(self) -> None:
        """A number alone before two colons is that of a line; one at the end of a word belongs to a type."""
        for before in ("12::", "app.py:12::", "\n7::"):
            self.assertNotIn(_KEY[8:], Redactor().text(f"{before}api_key={_KEY}"), before)

    def test_yaml(self) -> None:
        """In blocks and lists, below their name."""
        for text in (f"api_key: >-\n  {_KEY}\nx: 1", f"api_key: |\n  {_KEY}\n", f"api_keys:\n  - '{_KEY}'\n  - x"):
            numbered = "\n".join(f"{number:6}\u2192{line}" for number, line in enumerate(text.split("\n"), 1))
            for form in (text, numbered, "+" + text.replace("\n", "\n+")):
                self.assertNotIn(_KEY[8:], Redactor().text(form), form)
        for text in ("secrets:\n  - db_password_v2", "password: |\n  Enter yours here", "tokens:\n - authentication"):
            self.assertEqual([], default_rules().find(text), text)

    def test_tokens_behind_flags(self) -> None:
        """A token is known by its form, whichever flag it is given with."""
        for flag in ("-p", "-P", "-w", "-a", "-t", "--x"):
            for command in ("tool", "some login-tool --verbose"):
                self.assertNotIn(_TOKEN[8:], Redactor().text(f"{command} {flag} {_TOKEN} more"), flag)

    def test_kind_of_a_token_behind_a_flag(self) -> None:
        """Where a command takes a password, a token is still called what it is."""
        self.assertIn("<redacted:github-token:", Redactor().text(f"twine upload -u b -p {_TOKEN} dist/x"))
