"""Small parts of shipping: addresses, credentials, pauses, signatures, what is left of a record without content."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.build import build_config
from ccsproxy.config.shipping import ship_address
from ccsproxy.errors import ConfigError
from ccsproxy.exchange import codec
from ccsproxy.ship import registry
from ccsproxy.ship.content import without_content
from ccsproxy.ship.credentials import Credentials, header_list, read_credentials
from ccsproxy.ship.delivery.backoff import LONGEST, Backoff
from ccsproxy.ship.delivery.batch import LineBatch, ShippedLine
from ccsproxy.ship.jsonl.signature import sign, verifies
from ccsproxy.ship.registry import check
from test.store.records import record

UPSTREAM = {"upstream": ["https://api.anthropic.com"]}


class AddressTests(SynchronousTestCase):
    """Where records go, as ``--ship`` names it."""

    def test_what_it_says(self) -> None:
        """Kind, host, path, user; the name has neither options nor secrets."""
        one = ship_address("clickhouse+https://ccs@CH.example:8443/llm?cluster=main&ttl_days=90")
        self.assertEqual((one.kind, one.user, one.url), ("clickhouse", "ccs", "https://ch.example:8443/llm"))
        self.assertEqual(one.name, "clickhouse+https://ccs@ch.example:8443/llm")
        self.assertEqual(one.options, {"cluster": "main", "ttl_days": "90"})
        self.assertEqual(ship_address("otlp+https://h/").name, "otlp+https://h")
        store = ship_address("s3://bucket/team/calls/?region=eu-1")
        self.assertEqual((store.host, store.path, store.name), ("bucket", "/team/calls", "s3://bucket/team/calls"))
        self.assertEqual(ship_address("file:///srv/a%20b").path, "/srv/a b")

    def test_round_trip(self) -> None:
        """What is told to another process says the same there."""
        for text in (
            "jsonl+https://h/a%20b?ca=%2Fetc%2Fx+y.pem",
            "file:///srv/a%20b?content=metadata",
            "s3://b/p?endpoint=http%3A%2F%2F127.0.0.1%3A9000",
            "clickhouse+http://u%40x@localhost:8123/d",
        ):
            one = ship_address(text)
            self.assertEqual(ship_address(str(one)), one, text)

    def test_refused(self) -> None:
        """Each with a sentence that says what would be right."""
        for text, hint in (
            ("https://host/", "begins with"),
            ("jsonl+ftp://host/", "begins with"),
            ("jsonl+http://example.com/", "without TLS"),
            ("clickhouse+https://user:pw@h/db", "--ship-credentials"),
            ("jsonl+https:///x", "no host"),
            ("jsonl+https://h/?colour=red", "not an option"),
            ("jsonl+https://h/?content=some", "full or metadata"),
            ("clickhouse+https://h/d?ttl_days=x", "whole number"),
            ("file://host/x", "file:///"),
            ("s3:///x", "BUCKET"),
            ("s3://b/p?endpoint=http://example.com", "https"),
            ("jsonl+https://h/#x", "fragment"),
            ("jsonl+https://h:x/", "not a URL"),
            (" jsonl+https://h/", "spaces"),
        ):
            with self.assertRaises(ValueError) as caught:
                ship_address(text)
            self.assertIn(hint, str(caught.exception), text)

    def test_config(self) -> None:
        """A target named twice, or with secrets to be shipped, is refused; a password is not repeated."""
        twice = {**UPSTREAM, "ship": ["file:///a", "file:///a?content=metadata"]}
        self.assertIn("twice", str(self.assertRaises(ConfigError, build_config, twice)))
        bare = {**UPSTREAM, "ship": ["file:///a"], "no-redact": ["no-redact"]}
        self.assertIn("secrets", str(self.assertRaises(ConfigError, build_config, bare)))
        said = {**UPSTREAM, "ship": ["clickhouse+https://u:synthetic-word@h/d"]}
        self.assertNotIn("synthetic-word", str(self.assertRaises(ConfigError, build_config, said)))


class CredentialTests(SynchronousTestCase):
    """What targets ask for."""

    def file(self, text: str, mode: int = 0o600) -> Path:
        path = Path(self.mktemp())
        path.write_text(text)
        path.chmod(mode)
        return path

    def test_file_before_environment(self) -> None:
        """By the target's name; its text form shows nothing."""
        one = ship_address("clickhouse+https://u@h/d?ttl_days=1")
        path = self.file('["clickhouse+https://u@h/d"]\npassword = "synthetic"\n')
        found = read_credentials(one, path, {"CLICKHOUSE_PASSWORD": "other"})
        self.assertEqual((found.password, repr(found)), ("synthetic", "<Credentials>"))
        self.assertEqual(read_credentials(one, Path("nothing"), {"CLICKHOUSE_PASSWORD": "other"}).password, "other")

    def test_headers_and_stores(self) -> None:
        """A table of headers, OpenTelemetry's variable, and obstore's names."""
        one = ship_address("otlp+https://h/v1")
        path = self.file('["otlp+https://h/v1"]\nheaders = { Authorization = "Basic x" }\n["s3://b"]\nregion = "r"\n')
        self.assertEqual(read_credentials(one, path, {}).headers, {"Authorization": "Basic x"})
        variables = {"OTEL_EXPORTER_OTLP_HEADERS": "a=1, b=2=3"}
        self.assertEqual(read_credentials(one, Path("no"), variables).headers, {"a": "1", "b": "2=3"})
        self.assertEqual(header_list(""), {})
        self.assertEqual(read_credentials(ship_address("s3://b"), path, {}).store, {"region": "r"})
        self.assertEqual(read_credentials(ship_address("jsonl+https://x"), path, {}), Credentials())

    def test_refused(self) -> None:
        """A file that others can read, or that is not understood."""
        one = ship_address("jsonl+https://h")
        for path, hint in (
            (self.file("", 0o644), "chmod 600"),
            (self.file("x ="), "TOML"),
            (self.file('"jsonl+https://h" = 1'), "table"),
            (self.file('["jsonl+https://h"]\ncolour = 1'), "colour"),
        ):
            self.assertIn(hint, str(self.assertRaises(ConfigError, read_credentials, one, path, {})))

    def test_kinds(self) -> None:
        """A kind whose package is missing says how it is installed."""
        check(ship_address("jsonl+https://h"))
        kinds = {"jsonl": registry.Kind("a", "B", ("no_such_package",))}
        self.patch(registry, "KINDS", kinds)
        self.assertIn("pip install", str(self.assertRaises(ConfigError, check, ship_address("jsonl+https://h"))))
        self.assertIn("not supported", str(self.assertRaises(ConfigError, check, ship_address("gs://b"))))


class PauseTests(SynchronousTestCase):
    """How long is waited."""

    def test_growing(self) -> None:
        """Twice as long each time, up to a minute, half of it left to chance; never shorter than is asked for."""
        calm, eager = Backoff(lambda: 1.0), Backoff(lambda: 0.0)
        self.assertEqual([calm.pause() for _ in range(4)], [0.5, 1.0, 2.0, 4.0])
        self.assertEqual([eager.pause() for _ in range(3)], [0.25, 0.5, 1.0])
        for _ in range(50):
            last = calm.pause()
        self.assertEqual(last, LONGEST)
        self.assertEqual(calm.pause(600), 600)
        self.assertEqual(calm.pause(1e9), 3600)
        calm.succeeded()
        self.assertEqual(calm.pause(0), 0.5)


class SignatureTests(SynchronousTestCase):
    """Who sent a batch, and when."""

    def test_verifies(self) -> None:
        """Only the same body, with the same secret, at about the same time."""
        header = sign("synthetic", 1000, b"body")
        self.assertTrue(verifies("synthetic", header, b"body", 1100))
        for secret, body, now in (
            ("other", b"body", 1000),
            ("synthetic", b"bodY", 1000),
            ("synthetic", b"body", 2000),
        ):
            self.assertFalse(verifies(secret, header, body, now))
        self.assertFalse(verifies("synthetic", "nonsense", b"body", 1000))


class ContentTests(SynchronousTestCase):
    """A record of which only metadata is left."""

    def test_nothing_that_was_said(self) -> None:
        """Neither in bodies, streams, headers and queries, nor in what an error repeats."""
        word = "synthetic-word"
        said = {
            "id": "x",
            "usage": {"input_tokens": 1},
            "request": {
                "method": "POST",
                "path": f"/v1/messages?q={word}",
                "headers": {"user-agent": "a", "x-own": word},
                "headers_raw": [["User-Agent", "a"], ["X-Own", word]],
                "body": {"messages": [word]},
                "body_base64": word,
                "body_bytes": 7,
            },
            "response": {
                "status": 200,
                "headers": {"set-cookie": word},
                "headers_raw": [["Set-Cookie", word]],
                "body_reassembled": [word],
                "raw_sse_text": word,
                "stream": {"text": word, "chunks": [[1, 2]]},
                "trailers": [["x", word]],
            },
            "error": {"kind": "http_error", "message": word},
        }
        left = without_content(said)
        self.assertNotIn(word, json.dumps(left))
        self.assertIn(word, json.dumps(said))
        self.assertEqual((left["usage"], left["request"]["body_bytes"]), ({"input_tokens": 1}, 7))
        self.assertEqual(left["response"]["stream"]["chunks"], [[1, 2]])
        self.assertIsNone(without_content({"request": {}, "response": None, "error": None})["response"])

    def test_lines(self) -> None:
        """A line is sent as it is, or without content; lone surrogates stay escapes."""
        data = codec.encode(record(1, body="\ud800 word"))
        self.assertEqual(ShippedLine(0, data).json() + b"", codec.strip(data))
        self.assertNotIn(b"word", ShippedLine(0, data, content=False).json())
        self.assertIn(b'"content":"metadata"', ShippedLine(0, data, content=False).json())
        old = codec.encode({**codec.decode(codec.encode(record(1))), "schema_version": 2})
        self.assertIn(b'"schema_version":3', ShippedLine(0, old).json())

    def test_batch(self) -> None:
        """Its halves are named by what they hold."""
        lines, offset = [], 0
        for number in range(3):
            lines.append(ShippedLine(offset, codec.encode(record(number))))
            offset = lines[-1].end
        whole = LineBatch("h", "s", 0, offset, lines, "abc", done=True)
        one, other = whole.halves()
        self.assertEqual((one.token, other.token), (f"h/s/0-{lines[0].end}", f"h/s/{lines[0].end}-{offset}"))
        self.assertEqual((one.done, other.done, len(other.lines)), (False, True, 2))
        self.assertEqual(whole.size, offset)
        self.assertIsNone(whole.ended_at)
