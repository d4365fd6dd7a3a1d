"""Forms of several parts lose the values of their secret fields, and nothing else."""

import time

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor
from ccsproxy.redaction.multipart import fields

SECRET = "pw9" + "QXZJKV" * 3


def part(name: str, value: str, more: str = "", end: str = "\r\n") -> str:
    head = f'Content-Disposition: form-data; name="{name}"{more}'
    return end.join(("--b", head, "", value)) + end


class MultipartTests(SynchronousTestCase):
    """By the name of the field, as in forms of one line."""

    def test_secret_fields(self) -> None:
        """Their values go, with all that stands around them kept; an echo elsewhere goes, too."""
        for end in ("\r\n", "\n"):
            body = part("note", "some words", end=end) + part("password", SECRET, end=end) + "--b--" + end
            redactor = Redactor()
            self.assertEqual(redactor.multipart(body), body.replace(SECRET, PLACEHOLDER))
            self.assertNotIn(SECRET, redactor.text(f"wrong: {SECRET}"))

    def test_other_header_fields(self) -> None:
        """A part may have a type, and a name without quotation marks."""
        body = part("api_key", SECRET, "\r\nContent-Type: text/plain") + part("purpose", "batch")
        self.assertNotIn(SECRET, Redactor().multipart(body))
        self.assertNotIn(SECRET, Redactor().multipart(body.replace('"', "")))

    def test_files(self) -> None:
        """A file is searched like any text, whatever its field is called."""
        body = part("token", "line one\r\nline two", '; filename="a.txt"')
        self.assertEqual(Redactor().multipart(body), body)
        self.assertEqual(list(fields(body)), [])

    def test_binary(self) -> None:
        """A form with a file that is no text."""
        body = part("password", SECRET).encode() + b"--b\r\n\r\n\xff\xfe\xff\r\n--b--"
        self.assertEqual(Redactor().binary(body), body.replace(SECRET.encode(), PLACEHOLDER.encode()))

    def test_cut(self) -> None:
        """A value that was cut off goes to its end."""
        body = part("password", SECRET)[:-6]
        self.assertNotIn(SECRET[:10], Redactor().multipart(body))

    def test_time(self) -> None:
        """Many parts without an end cost no more than their length."""
        began = time.process_time()
        self.assertEqual(len(list(fields(part("a", "")[:-2] * 20_000))), 20_000)
        self.assertLess(time.process_time() - began, 5)


class FieldsTests(SynchronousTestCase):
    """Header fields of which a part is a credential."""

    def test_within(self) -> None:
        """The user before a host, the key among the protocols of a WebSocket; their echoes go with them."""
        redactor = Redactor()
        lines = [
            ("Host", f"me:{SECRET}@example.com"),
            ("Sec-WebSocket-Protocol", f"realtime, openai-insecure-api-key.{SECRET}, openai-beta.realtime-v1"),
        ]
        clean = dict(redactor.headers(lines))
        self.assertEqual(clean["Host"], f"{PLACEHOLDER}@example.com")
        said = f"realtime, openai-insecure-api-key.{PLACEHOLDER}, openai-beta.realtime-v1"
        self.assertEqual(clean["Sec-WebSocket-Protocol"], said)
        self.assertNotIn(SECRET, redactor.text(f"unknown key {SECRET}"))
        self.assertEqual(redactor.report.count >= 2, True)

    def test_others(self) -> None:
        """Hosts and protocols without any stay as they are."""
        lines = [("Host", "example.com:8080"), ("Sec-WebSocket-Protocol", "graphql-ws, v1.token-service")]
        self.assertEqual(Redactor().headers(lines), lines)
