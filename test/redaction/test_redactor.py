"""Tests for `ccsproxy.redaction.redactor`."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor, Rules, Tagger
from ccsproxy.redaction.known_secrets import KnownSecrets
from test.effort import effort
from test.redaction.test_consistency import SHAPED
from test.redaction.test_text import bare

CANARY = "canary-5b1e9f7c3a2d"
SECRET_HEADERS = [
    "Authorization",
    "proxy-authorization",
    "X-Api-Key",
    "api-key",
    "anthropic-api-key",
    "x-goog-api-key",
    "Cookie",
    "set-cookie",
    "x-amz-security-token",
    "x-auth-token",
    "openai-api-key",
    "x-my-secret",
    "cf-access-client-secret",
    "x-csrf-token",
    "X-Vault-Token",
    "ocp-apim-subscription-credential",
    "x-tokens",
    "x-password",
]
OPEN_HEADERS = [
    ("anthropic-beta", "oauth-2025-04-20,token-efficient-tools-2025-02-19"),
    ("x-request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
    ("anthropic-ratelimit-tokens-limit", "80000"),
    ("anthropic-ratelimit-input-tokens-remaining", "79000"),
    ("anthropic-ratelimit-output-tokens-reset", "2026-11-20T12:00:00Z"),
    ("x-ratelimit-remaining-tokens", "149984"),
    ("x-ratelimit-reset-tokens", "6m0.5s"),
    ("x-ratelimit-limit-tokens", "-1"),
    ("x-amzn-bedrock-input-token-count", "12"),
    ("www-authenticate", "Bearer realm=api"),
    ("access-control-allow-credentials", "true"),
    ("openai-organization", "org-abc"),
    ("user-agent", "claude-cli/2.1.197 (external, cli)"),
]
SECRET_KEYS = [
    "api_key",
    "apiKey",
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "password",
    "authorization",
]
SECRET_PARAMETERS = [
    "key",
    "api_key",
    "access_token",
    "token",
    "sig",
    "signature",
    "code",
    "X-Amz-Signature",
    "X-Amz-Credential",
]


def bare_tree(value: Any) -> Any:
    """Return a JSON value with plain placeholders."""
    return json.loads(bare(json.dumps(value)))


class Counted:
    """Rules whose quick search is another's."""

    def __init__(self, rules: Any, may_hold: Callable[[Iterable[str]], bool]) -> None:
        self._rules, self.may_hold = rules, may_hold

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rules, name)


class HeadersTests(SynchronousTestCase):
    """Secret header values go, by list and by pattern; counts of tokens do not."""

    def test_secret_headers(self) -> None:
        """Each secret header keeps its spelling and place and loses its value, from bytes and from text."""
        for name in SECRET_HEADERS:
            for pairs in ([(name, CANARY)], [(name.encode(), CANARY.encode())]):
                redactor = Redactor()
                self.assertEqual(redactor.headers(pairs), [(name, PLACEHOLDER)])
                self.assertEqual(redactor.count, 1)

    def test_open_headers(self) -> None:
        """Headers that only sound secret stay as they are."""
        redactor = Redactor()
        self.assertEqual(redactor.headers(OPEN_HEADERS), OPEN_HEADERS)
        self.assertEqual(redactor.count, 0)

    def test_counting_name_does_not_hide_a_secret(self) -> None:
        """A name that counts tokens is open for quantities and times only."""
        self.assertEqual(Redactor().headers([("x-ratelimit-tokens", CANARY)]), [("x-ratelimit-tokens", PLACEHOLDER)])

    def test_token_in_an_open_header(self) -> None:
        """A token-shaped value in any header goes."""
        fields = [("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-proj-abcdefghij0123456789")]
        self.assertNotIn("abcdefghij", Redactor().headers(fields)[0][1])

    def test_odd_bytes(self) -> None:
        """Values that are not UTF-8 survive as one letter a byte; empty ones stay empty."""
        self.assertEqual(
            Redactor().headers([(b"x", b"\xff"), (b"y", "é".encode()), (b"cookie", b"")]),
            [("x", "ÿ"), ("y", "é"), ("cookie", "")],
        )


class TargetTests(SynchronousTestCase):
    """Secret query parameters and user names go."""

    def test_parameters(self) -> None:
        """Each secret parameter loses its value, wherever it stands, and nothing else changes."""
        for name in SECRET_PARAMETERS:
            for spelt in (name, name.upper(), name.replace("_", "%5F")):
                target = f"/v1/x?alt=sse&{spelt}={CANARY}&b=%20+;c"
                self.assertEqual(Redactor().target(target.encode()), f"/v1/x?alt=sse&{spelt}={PLACEHOLDER}&b=%20+;c")

    def test_nothing_to_do(self) -> None:
        """Other targets stay byte for byte."""
        for target in (
            "/",
            "/v1/messages?beta=true",
            "/a//b%2F?",
            "*",
            "/x?keyboard=1&max_tokens=5&codec=a&token_count=7",
            "/x?a&b=&=c",
        ):
            self.assertEqual(Redactor().target(target), target)

    def test_userinfo_and_nested_urls(self) -> None:
        """User names of absolute targets go, and secrets in an encoded URL."""
        self.assertEqual(bare(Redactor().target(f"http://u:{CANARY}@h/x")), f"http://u:{PLACEHOLDER}@h/x")
        self.assertEqual(Redactor().target(f"u:{CANARY}@h:443"), f"{PLACEHOLDER}@h:443")
        self.assertNotIn(CANARY, Redactor().target(f"/go?to=https%3A%2F%2Fh%2F%3Fkey%3D{CANARY}"))

    def test_form(self) -> None:
        """A form body loses its secret fields."""
        body = f"grant_type=refresh_token&refresh_token={CANARY}&client_id=x&client_secret={CANARY}&code={CANARY}"
        expected = body.replace(CANARY, PLACEHOLDER)
        self.assertEqual(Redactor().form(body.encode()), expected)


class TreeTests(SynchronousTestCase):
    """Secret members of JSON bodies go, at any depth; numbers and schemas stay."""

    def test_every_depth(self) -> None:
        """Each secret key is found at depths 1 to 20, in objects and in lists."""
        for key in SECRET_KEYS:
            for depth in range(1, 21):
                value: object = {key: CANARY, "n": 1}
                expected: object = {key: PLACEHOLDER, "n": 1}
                for level in range(depth - 1):
                    value, expected = ([value], [expected]) if level % 3 == 0 else ({"a": value}, {"a": expected})
                redactor = Redactor()
                self.assertEqual(bare_tree(redactor.tree(value)), expected)
                self.assertEqual(redactor.count, 1)

    def test_tool_arguments(self) -> None:
        """Arguments that are JSON in a string are searched, and stay JSON."""
        value = {"arguments": json.dumps({"headers": [{"Authorization": f"X {CANARY}"}], "max_tokens": 3})}
        clean = Redactor().tree(value)["arguments"]
        self.assertEqual(
            json.loads(bare(clean)), {"headers": [{"Authorization": f"X {PLACEHOLDER}"}], "max_tokens": 3}
        )

    def test_what_stays(self) -> None:
        """Numbers, flags and nulls are no secrets; nor are schemas, counts, cursors and words of a vocabulary."""
        value = {
            "max_tokens": 4096,
            "usage": {"input_tokens": 1, "token_count": 2},
            "password": None,
            "secret": True,
            "token": 5,
            "tools": [
                {
                    "input_schema": {
                        "type": "object",
                        "properties": {
                            "api_key": {"type": "string", "description": "the key to use"},
                            "password": {"$ref": "#/x"},
                        },
                    }
                }
            ],
            "logprobs": {"content": [{"token": "internationalization", "logprob": -0.5, "bytes": [1]}]},
            "next_page_token": "abcdefgh",
            "code": "print()",
            "signature": "EqQBCgIYAhIM",
            "eos_token": "</s>",
        }
        redactor = Redactor()
        self.assertEqual(redactor.tree(value), value)
        self.assertEqual(redactor.count, 0)

    def test_nested_under_a_secret_key(self) -> None:
        """What looks like a secret under the key of a group of secrets goes; users, words and numbers stay."""
        value = {"credentials": {"user": "me", "list": ["a", {"b": CANARY}], "port": 5}, "api_keys": [CANARY]}
        expected = {
            "credentials": {"user": "me", "list": ["a", {"b": PLACEHOLDER}], "port": 5},
            "api_keys": [PLACEHOLDER],
        }
        self.assertEqual(bare_tree(Redactor().tree(value)), expected)

    def test_names_beside_values(self) -> None:
        """A value goes whose name is its sibling, in any order, or the flag before it."""
        value = {
            "headers": [
                {"name": "Authorization", "value": f"Bearer {CANARY}"},
                {"value": CANARY, "name": "X-Api-Key"},
            ],
            "env": [{"name": "DB_PASSWORD", "value": "w0rd!x"}, {"name": "HOME", "value": "/root"}],
            "args": ["--region", "eu-west-1", "--api-key", CANARY],
        }
        clean = bare_tree(Redactor().tree(value))
        self.assertEqual([each["value"] for each in clean["headers"]], [f"Bearer {PLACEHOLDER}", PLACEHOLDER])
        self.assertEqual([each["value"] for each in clean["env"]], [PLACEHOLDER, "/root"])
        self.assertEqual(clean["args"], ["--region", "eu-west-1", "--api-key", PLACEHOLDER])

    def test_words_under_secret_keys(self) -> None:
        """Words, placeholders, references and templates are no secrets, whatever the key."""
        for word in (
            *("IDENTIFIER", "old", "x", "Mot de passe", "node auth.js", "${TOKEN}", "changeme", "<your-key>"),
            *("process.env.API_KEY", "string", "/run/secrets/db", "sk-learn-pipelines-guide-2024"),
        ):
            value = {"token": word, "password": word, "auth": word, "api_key": word}
            self.assertEqual(Redactor().tree(value), value)

    def test_private_keys_in_json(self) -> None:
        """The private members of a JSON Web Key go, the public ones stay."""
        value = {"kty": "EC", "x": CANARY * 2, "y": CANARY * 2, "d": "q7" + CANARY * 2}
        self.assertEqual(bare_tree(Redactor().tree(value)), {**value, "d": PLACEHOLDER})

    def test_places_and_tags(self) -> None:
        """What was replaced is told by kind and place, and the same secret has the same tag everywhere."""
        rules = Rules(Tagger(b"k" * 32))
        redactor, other = Redactor(rules=rules), Redactor(rules=rules)
        key = "ghp_" + "A1b2C3d4E5" * 3 + "F6g7H8"
        redactor.tree({"messages": [{"content": f"use {key}"}, {"content": [{"text": f"{key} and {key}"}]}]})
        other.text(key, "response.stream")
        ((first, once), (second, twice)) = redactor.report.replaced()
        self.assertEqual((first.kind, once, twice), ("github-token", 1, 2))
        self.assertEqual(
            {first.where, second.where}, {"body.messages[0].content", "body.messages[1].content[0].text"}
        )
        ((third, _),) = other.report.replaced()
        self.assertEqual({first.tag, second.tag}, {third.tag})
        self.assertNotEqual(Tagger(b"l" * 32).tag(key.encode()), third.tag)

    def test_oauth_requests(self) -> None:
        """Codes of an OAuth request go where a grant type stands beside them."""
        value = {"grant_type": "authorization_code", "code": CANARY, "code_verifier": CANARY}
        self.assertNotIn(CANARY, json.dumps(Redactor().tree(value)))

    def test_the_value_stays_as_it_is(self) -> None:
        """The caller's value is not changed."""
        value = {"a": {"api_key": CANARY}}
        Redactor().tree(value)
        self.assertEqual(value, {"a": {"api_key": CANARY}})

    @given(
        st.recursive(
            st.none() | st.integers() | st.just(CANARY) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["a", "api_key", "secret", "b"]), inner, max_size=3)
            ),
            max_leaves=20,
        )
    )
    @settings(max_examples=effort(30), deadline=None)
    def test_no_learned_secret_survives(self, value: object) -> None:
        """A secret that is known from a header survives in no tree, and the shape of the tree stays."""
        redactor = Redactor()
        redactor.headers([("authorization", f"Bearer {CANARY}")])
        clean = redactor.tree(value)
        self.assertNotIn(CANARY, json.dumps(clean))
        self.assertEqual(redactor.tree(clean), clean)


class LearningTests(SynchronousTestCase):
    """What a secret header or parameter holds is not shown anywhere else either."""

    def test_echoes(self) -> None:
        """A secret from a header is removed from texts, trees, targets, other headers and binary bodies."""
        for name, value in [
            ("authorization", f"Bearer {CANARY}"),
            ("x-api-key", CANARY),
            ("cookie", f"a=b; sid={CANARY}; c"),
            ("authorization", "Basic " + base64.b64encode(f"user:{CANARY}".encode()).decode()),
        ]:
            redactor = Redactor()
            redactor.headers([(name, value)])
            for echo in map(bare, (
                redactor.text(f"invalid key: {CANARY}!"),
                json.dumps(redactor.tree({"message": [f"bad {CANARY}"], CANARY: 1})),
                redactor.target(f"/v1/{CANARY}?x={CANARY}"),
                str(redactor.headers([("x-echo", CANARY)])),
                redactor.binary(b"\x00\xff" + CANARY.encode()).decode("latin-1"),
            )):  # fmt: skip
                self.assertNotIn(CANARY, echo)
                self.assertIn(PLACEHOLDER, echo)

    def test_cut_echo(self) -> None:
        """An echo that was cut off goes as far as it came, from its eighth letter on."""
        redactor = Redactor()
        redactor.learn(CANARY)
        for length in range(8, len(CANARY)):
            self.assertEqual(
                bare(redactor.text(f"{CANARY} bad key {CANARY[:length]}")), f"{PLACEHOLDER} bad key {PLACEHOLDER}"
            )
        self.assertEqual(bare(redactor.text(f"{CANARY[:12]} is its beginning")), f"{CANARY[:12]} is its beginning")

    def test_order_of_headers_does_not_matter(self) -> None:
        """An echo that precedes its header is removed too."""
        self.assertNotIn(CANARY, str(Redactor().headers([("x-echo", CANARY), ("x-api-key", CANARY)])))

    def test_from_the_target(self) -> None:
        """A secret parameter is remembered, as spelled and decoded."""
        redactor = Redactor()
        redactor.target("/x?key=abc%2Fdefghij")
        self.assertEqual(bare(redactor.text("abc/defghij abc%2Fdefghij abc\\/defghij")), " ".join([PLACEHOLDER] * 3))

    def test_short_and_common_values_are_not_learned(self) -> None:
        """Values that would be found everywhere are not remembered."""
        redactor = Redactor()
        redactor.headers([("x-api-key", "short"), ("api-key", "lm-studio"), ("cookie", "lang=english")])
        self.assertEqual(redactor.text("short lm-studio english"), "short lm-studio english")

    def test_learn(self) -> None:
        """A secret may be told."""
        redactor = Redactor()
        redactor.learn(CANARY)
        self.assertEqual(bare(redactor.text(CANARY)), PLACEHOLDER)


class LookAheadTests(SynchronousTestCase):
    """Searching several values at once changes nothing but the number of searches."""

    def test_what_is_clean_is_not_searched_again(self) -> None:
        """One search is made for all; what was looked at is then given back as it is."""
        redactor = Redactor()
        body, answer = {"messages": [{"content": "hello"}]}, {"id": "msg_1"}
        searched: list[str] = []
        find = redactor._rules.may_hold
        redactor._rules = Counted(redactor._rules, lambda texts: searched.append("") or find(texts))
        redactor.look_ahead([body, answer], ["/v1/messages"])
        self.assertIs(redactor.tree(body), body)
        self.assertIs(redactor.tree(answer), answer)
        self.assertEqual(redactor.text("/v1/messages"), "/v1/messages")
        self.assertEqual(len(searched), 1)

    def test_one_secret_makes_all_be_searched(self) -> None:
        """Nothing is believed clean where one value is not."""
        redactor, key = Redactor(), SHAPED
        clean, other = {"a": "b"}, {"text": f"the key is {key} here"}
        redactor.look_ahead([clean, other], [])
        self.assertNotIn(key, str(redactor.tree(other)))
        self.assertEqual(redactor.tree(clean), clean)

    def test_a_secret_by_its_key(self) -> None:
        """A value that is secret by the key above it is not clean, though it looks like any word."""
        redactor = Redactor()
        body = {"password": "Sw0rdfish!x9"}
        redactor.look_ahead([body], ["x"])
        self.assertNotIn("Sw0rdfish", str(redactor.tree(body)))

    def test_what_is_learned_later_goes_too(self) -> None:
        """A credential that a header names is looked for in what was clean before."""
        redactor, value = Redactor(), "plain-words-as-a-key"
        body = {"text": f"it is {value} again"}
        redactor.look_ahead([body], [f"path {value}"])
        redactor.headers([("X-Api-Key", value)])
        self.assertNotIn(value, str(redactor.tree(body)))
        self.assertNotIn(value, redactor.text(f"path {value}"))


class FormsTests(SynchronousTestCase):
    """How a secret may be written."""

    @given(st.text("aZ09_.~-/+= %\u00e9", min_size=8, max_size=20))
    def test_forms(self, value: str) -> None:
        """All of them are known, whatever the secret is made of."""
        known = KnownSecrets()
        known.learn(value)
        for form in (value, quote(value, safe=""), value.replace("/", "\\/")):
            self.assertTrue(known.maybe_in([f"before {form} behind"]), form)
            self.assertTrue(known.echoes(f"before {form} behind"), form)


class DisabledTests(SynchronousTestCase):
    """With ``--no-redact`` everything stays."""

    def test_everything_stays(self) -> None:
        """No method changes anything."""
        redactor = Redactor(enabled=False)
        self.assertEqual(redactor.headers([(b"Cookie", b"a")]), [("Cookie", "a")])
        self.assertEqual(redactor.target(b"/?key=a"), "/?key=a")
        self.assertEqual(redactor.tree({"api_key": CANARY}), {"api_key": CANARY})
        self.assertEqual(redactor.form(b"token=abc"), "token=abc")
        self.assertEqual(redactor.stream('data: {"api_key":"a"}\n\n', "sse"), 'data: {"api_key":"a"}\n\n')
        self.assertEqual(redactor.count, 0)
