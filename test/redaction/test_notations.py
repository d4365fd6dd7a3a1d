"""Secrets in the files, commands, addresses and messages that agents read and write, and what looks like them."""

import base64
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor

_KEY = "kQ7vR2mZ9pLw4XyT" + "8bNc3HdF6gJs1Ae0"
_PASSWORD = "Hunter" + "2xyzQ9"
_NOTATIONS = json.loads(Path(__file__).with_name("notations.json").read_text(encoding="utf-8"))
#: Texts that hold the password or the key, as a model or a tool says them.
_SAID = (
    f"export API_KEY={_KEY}\nok",
    f"password: {_PASSWORD}\n",
    f'echo "{_KEY}" | gh secret set API_KEY',
    f"The API key for staging is {_KEY}.",
    f"mysql -p{_PASSWORD} -u root",
    f"INSERT INTO users (name, password) VALUES ('bob', '{_PASSWORD}');",
    f"['mysql', '-p{_PASSWORD}']",
    f"passwd bob <<< {_PASSWORD}",
)
#: What file readers and search tools put before a line.
_PREFIXES = ("{:6}\u2192", "{:6}\t", "{}: ", "{}:", "L{}: ", "{:4} | ", "{}- ", "[{}] ", "src/a.env:{}:")
#: Header fields that are named for what they hold.
_FIELDS = (
    "X-Functions-Key Ocp-Apim-Subscription-Key X-Master-Key X-License-Key X-OpenAI-Key X-RapidAPI-Key "
    "Xi-Api-Key DD-API-KEY X-Vault-Token Private-Token X-Figma-Token X-Shopify-Access-Token X-Auth X-Secret "
    "CF-Access-Client-Secret"
).split()
_OTHER_FIELDS = "Idempotency-Key Sec-WebSocket-Key Surrogate-Key X-Cache-Key X-Request-Id".split()


class NotationTests(SynchronousTestCase):
    """Nothing of a secret is left, and nothing else is changed."""

    def assert_gone(self, text: str, clean: Any, what: str) -> None:
        """Fail where a half of one of the secrets is left."""
        said = clean if isinstance(clean, str) else json.dumps(clean)
        for value in (_KEY, _PASSWORD):
            if value in text:
                self.assertNotIn(value[: len(value) // 2], said, what)
                self.assertNotIn(value[len(value) // 2 :], said, what)

    def test_notations(self) -> None:
        """Settings, tables, logs, source code, commands, addresses, markup."""
        self.assertGreater(len(_NOTATIONS["secret"]), 75)
        for name, written in _NOTATIONS["secret"].items():
            text = written.replace("<the key>", _KEY).replace("<the password>", _PASSWORD)
            self.assert_gone(text, Redactor().text(text), name)

    def test_harmless_twins(self) -> None:
        """What is written alike and holds no secret stays as it is."""
        self.assertGreater(len(_NOTATIONS["harmless"]), 50)
        for name, text in _NOTATIONS["harmless"].items():
            self.assertEqual(Redactor().text(text), text, name)

    def test_in_json_in_json(self) -> None:
        """Up to three levels deep, as a text and as a value."""
        for text in _SAID:
            inner = text
            for _ in range(3):
                inner = json.dumps({"x": inner})
                self.assert_gone(text, Redactor().text(inner), inner)
                self.assert_gone(text, Redactor().tree({"m": [{"content": inner}]}), inner)

    def test_behind_line_numbers(self) -> None:
        """With the number of its line, in the middle of a file."""
        for prefix in _PREFIXES:
            for line in (f"API_KEY={_KEY}", f"password: {_PASSWORD}", f'  "apiKey": "{_KEY}",', f"token = {_KEY}"):
                text = "\n".join(prefix.format(at) + each for at, each in enumerate(("# x", line, "y=1"), 1))
                self.assert_gone(text, Redactor().text(text), text)

    def test_at_each_split_of_a_stream(self) -> None:
        """However a text is divided between two events."""
        for text in _SAID:
            for at in range(1, len(text)):
                events = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in (text[:at], text[at:])]
                stream = "".join(f"data: {json.dumps(each)}\n\n" for each in events)
                clean = [json.loads(line[6:]) for line in Redactor().stream(stream, "sse").split("\n\n") if line]
                said = "".join(each["choices"][0]["delta"]["content"] for each in clean)
                self.assert_gone(text, said, f"{text} at {at}")

    def test_long_tables(self) -> None:
        """Each row of a table, also behind rows without a password."""
        text = "name,password\n" + f"x,\nbob,{_PASSWORD}\n" * 40
        self.assert_gone(_PASSWORD, Redactor().text(text), text)

    def test_header_fields(self) -> None:
        """Fields that end in "key" hold one if their value looks random."""
        for name in _FIELDS:
            self.assert_gone(_KEY, Redactor().headers([(name, _KEY)]), name)
        for name in _OTHER_FIELDS:
            value = base64.b64encode(bytes(range(100, 116))).decode()
            self.assertEqual(Redactor().headers([(name, value)]), [(name, value)])

    def test_echoes(self) -> None:
        """What a field held goes from body, text and stream of the same exchange."""
        redactor = Redactor()
        redactor.headers([("X-Functions-Key", _KEY)])
        self.assert_gone(_KEY, redactor.tree({"error": f"bad key {_KEY}"}), "body")
        self.assert_gone(_KEY, redactor.text(f"x{_KEY}y"), "text")
        self.assert_gone(_KEY, redactor.stream(f'data: {{"error":"{_KEY}"}}\n\n', "sse"), "stream")
