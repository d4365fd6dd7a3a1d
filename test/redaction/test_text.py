"""Tests for the searches of `ccsproxy.redaction` in text."""

import base64
import glob
import json
import os
import re
import time

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor

BODY = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA" + BODY * 3 + "\n" + BODY + "==\n-----END RSA PRIVATE KEY-----"
)
SECRETS = [
    f"sk-ant-api03-{BODY}-_AA",
    "sk-ant-oat01-abcdefghij",
    f"sk-proj-{BODY}",
    f"sk-{BODY}",
    f"sk-or-v1-{BODY}",
    f"AIza{BODY[:35]}",
    f"ghp_{BODY}",
    f"gho_{BODY}",
    f"github_pat_{BODY}_{BODY}",
    "AKIA" + BODY[:16].upper(),
    f"xoxb-123456789012-{BODY}",
    JWT,
]
_MARK = re.compile(r"<redacted:[a-z0-9-]+:[0-9a-f]{4,8}>")


def bare(text: str) -> str:
    """Return a text with the plain placeholder where one with kind and tag stands."""
    return _MARK.sub(PLACEHOLDER, text)


#: What may stand around a secret without hiding it.
FRAMES = [
    "{}",
    "a {} b",
    "key={}",
    '"{}"',
    "({})",
    "\\n{}\\n",
    "x\n{}\n",
    "%3D{}",
    "%73{}",
    "\\u0022{}",
    "https://h/{}/x",
    "é{}é",
    "<{}>",
]
ORDINARY = [
    "max_tokens: 4096, input_tokens and output tokens are counted",
    'config = {"max_tokens": 100, "token_count": "12", "next_page_token": "abcdefgh"}',
    "task-runner-with-a-long-name-2024 and risk-assessment-report-v2-final",
    "the sk-fading-circle-container class; disk-0123456789abcdef01234567",
    "Bearer authentication, Basic authentication, Bearer YOUR_TOKEN",
    "if line.startswith('-----BEGIN PRIVATE KEY-----'): return",
    "git clone ssh://git@github.com/a/b and https://example.com/?q=1&page=2",
    '{"type": "object", "properties": {"password": {"type": "string"}, "token": {"type": "string"}}}',
    "def token(self): return self.token  # api_key: str",
    "eyJhbGciOiJIUzI1NiJ9 is base64 of a header",
    # What Claude Code 2.1.332 says of its process, a whole value: base64 of an object that names no algorithm.
    base64.urlsafe_b64encode(b'{"uptime":4.25,"rss":1253252689,"cpu":{"user":177610}}').rstrip(b"=").decode(),
    "msg_01ABCDEFabcdef0123456789 toolu_01ABCDEFabcdef req_011CSHoEeqs5C35K2UUqR7Fy",
    "AKIA is the prefix; AIza too; ghp_ and xoxb- as well",
    "3f786850e387550fdab836ed7e6dc881de23001b 550e8400-e29b-41d4-a716-446655440000",
]


class ShapeTests(SynchronousTestCase):
    """Secrets are known by their shape, wherever they stand."""

    def test_every_shape_in_every_frame(self) -> None:
        """Each token goes, and what stands around it stays."""
        for secret in SECRETS:
            for frame in FRAMES:
                redactor = Redactor()
                self.assertEqual(
                    bare(redactor.text(frame.format(secret))), frame.format(PLACEHOLDER), (frame, secret)
                )
                self.assertEqual(redactor.count, 1)

    def test_key_block_in_json(self) -> None:
        """A private key with escaped line ends goes too, also without its end."""
        text = json.dumps({"file": KEY})
        begin, end = KEY.splitlines()[0], KEY.splitlines()[-1]
        self.assertEqual(bare(json.loads(Redactor().text(text))["file"]), f"{begin}\n{PLACEHOLDER}\n\n{end}")
        cut = KEY[: len(KEY) // 2]
        self.assertEqual(bare(Redactor().text(f"see {cut}")), f"see {begin}\n{PLACEHOLDER}")

    def test_authorization_values(self) -> None:
        """Bearer tokens and Basic credentials go; the scheme stays."""
        basic = base64.b64encode(b"user:hunter2hunter2").decode()
        for text in (
            f"-H 'Authorization: Bearer {BODY}'",
            f"Basic {basic}",
            f"Proxy-Authorization: Basic {basic}\r\n",
        ):
            clean = bare(Redactor().text(text))
            self.assertEqual(clean, text.replace(BODY, PLACEHOLDER).replace(basic, PLACEHOLDER))

    def test_urls(self) -> None:
        """Credentials in a URL go; its host, path and other parameters stay."""
        for url, expected in [
            ("postgres://me:pa55w0rd@db:5432/x", f"postgres://me:{PLACEHOLDER}@db:5432/x"),
            ("redis://:pa55/w0rd@db:6379/0", f"redis://:{PLACEHOLDER}@db:6379/0"),
            ("mysql://me:p@55#w0rd@db/x", f"mysql://me:{PLACEHOLDER}@db/x"),
            (f"https://{BODY}@github.com/a", f"https://{PLACEHOLDER}@github.com/a"),
            (f"see https://h/v1/models?alt=sse&key={BODY}.", f"see https://h/v1/models?alt=sse&key={PLACEHOLDER}."),
            (
                f"'https://h/x?a=1&X-Amz-Signature={'0a1b' * 16}&b=2'",
                f"'https://h/x?a=1&X-Amz-Signature={PLACEHOLDER}&b=2'",
            ),
        ]:
            self.assertEqual(bare(Redactor().text(url)), expected)

    def test_addresses_without_a_password(self) -> None:
        """Ports, templates, user names, and what documents write where a password would stand."""
        for url in (
            "https://host:8080/path@x",
            "https://${USER}:${PASS}@host/",
            "postgres://user:password@localhost/db",
            "ssh://git@github.com:22/x",
            "https://me@example.com/",
            "see http://a/ and mail me@example.com",
            "https://x?key=value&code=python",
        ):
            self.assertEqual(Redactor().text(url), url)

    def test_ordinary_text_stays(self) -> None:
        """What only looks a little like a secret is left alone."""
        for text in ORDINARY:
            self.assertEqual(Redactor().text(text), text)

    def test_placeholder_is_not_counted_again(self) -> None:
        """Redacting twice changes and counts nothing."""
        redactor = Redactor()
        once = redactor.text(f'{{"api_key": "x{BODY}"}} https://a:b0nd@c/')
        self.assertEqual(redactor.count, 2)
        self.assertEqual(redactor.text(once), once)
        self.assertEqual(redactor.count, 2)


class MemberTests(SynchronousTestCase):
    """Secret members of JSON in text go, however deeply it is quoted."""

    def test_every_depth_of_quoting(self) -> None:
        """JSON in JSON in JSON stays JSON, without the secret."""
        value = {
            "url": 'a "b" \\',
            "api_key": 'canary7"x\\y',
            "max_tokens": 5,
            "Password": "x9!yz-k",
            "n": [{"client_secret": "é8jK2mLq90"}],
        }
        expected = {**value, "api_key": PLACEHOLDER, "Password": PLACEHOLDER, "n": [{"client_secret": PLACEHOLDER}]}
        text, clean = json.dumps(value), json.dumps(expected)
        for _ in range(5):
            redactor = Redactor()
            self.assertEqual(bare(redactor.text(f"before {text} after")), f"before {clean} after")
            self.assertEqual(redactor.count, 3)
            text, clean = json.dumps([text]), json.dumps([clean])

    def test_printed_dictionaries(self) -> None:
        """The dictionaries that Python and JavaScript print are searched too."""
        self.assertEqual(Redactor().text("{'api_key': 'c4nary99'}"), f"{{'api_key': '{PLACEHOLDER}'}}")

    def test_names(self) -> None:
        """The names of secrets, in every spelling."""
        for name in (
            "apiKey",
            "API_KEY",
            "x-api-key",
            "access_token",
            "refreshToken",
            "id_token",
            "GITHUB_TOKEN",
            "secret",
        ):
            self.assertEqual(bare(Redactor().text(f'{{"{name}":"c4nary99"}}')), f'{{"{name}":"{PLACEHOLDER}"}}')

    def test_first_keys(self) -> None:
        """Keys that version 1 knew keep the bare placeholder; a token of a known format keeps its kind."""
        self.assertEqual(Redactor().text('{"api_key": "c4nary99"}'), f'{{"api_key": "{PLACEHOLDER}"}}')
        self.assertIn("<redacted:github-token:", Redactor().text(f'{{"api_key": "ghp_{BODY}"}}'))

    def test_schemas_in_text(self) -> None:
        """The schema of a secret parameter is none."""
        for schema in (
            {"type": "string", "description": "the key"},
            {"$ref": "#/x"},
            {"description": "d", "type": "string"},
        ):
            text = json.dumps({"properties": {"api_key": schema}})
            self.assertEqual(Redactor().text(text), text)

    def test_cut_member(self) -> None:
        """A member that was cut off goes as far as it came."""
        clean = bare(Redactor().text('{"a":1,"access_token":"c4nary9x'))
        self.assertEqual(clean, f'{{"a":1,"access_token":"{PLACEHOLDER}')


class CostTests(SynchronousTestCase):
    """The search is linear and finds little in ordinary text."""

    def test_hostile_text_is_linear(self) -> None:
        """Texts made to lead the search astray take no longer than a few times an ordinary text of their size."""
        size = 100_000
        units = [
            "sk-",
            "sk-a",
            "eyJ",
            "eyJa.",
            ".eyJ",
            "\\neyJ",
            "-----BEGIN ",
            "-----BEGIN RSA PRIVATE KEY-----",
            "://",
        ]
        units += [
            "://a?",
            "://a?key",
            '"token":',
            '"token":"',
            '\\"token\\":\\"',
            "\\",
            '"',
            '\\"',
            "Bearer ",
            "Basic a",
            "AIza",
        ]
        units += ['"keys":[', '"key":{"', '"secret":["a', '\\"token\\":{\\"a\\":']
        units += ["xoxb-", "ghp_", "://a:b", "&key=", "?", "Basic YWFhYWFh", '"key" :', "'token':'\\", "://?key=&key"]
        for unit in units:
            text = unit * (size // len(unit))
            started = time.process_time()
            Redactor().text(text)
            self.assertLess(time.process_time() - started, 3, unit)

    def test_hostile_headers_targets_and_forms_are_linear(self) -> None:
        """The same holds for header values, targets and forms."""
        started = time.process_time()
        for unit in ("1", "1m", "1.", "a", "&", "=", "%41", "a=", "a=b&", "://", "://a?"):
            text = unit * (60_000 // len(unit)) + "x"
            Redactor().headers([("x-ratelimit-tokens", text), ("cookie", text), ("x", text)])
            Redactor().target(f"/?{text}")
            Redactor().form(text)
        self.assertLess(time.process_time() - started, 10)

    def test_few_false_alarms(self) -> None:
        """In the standard library's sources and licence texts hardly anything is taken for a secret."""
        folder = os.path.dirname(os.__file__)
        redactor = Redactor()
        size = 0
        for path in sorted(glob.glob(f"{folder}/*.py"))[:120]:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            size += len(text)
            redactor.text(text)
        self.assertLess(redactor.count, 1 + 2 * size / 1e6)
